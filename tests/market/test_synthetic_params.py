import math
from importlib.resources import files

import numpy as np
import pytest

from market.errors import ConfigError
from market.synthetic_params import SyntheticParams

TEXT = (files("config") / "synthetic.toml").read_text(encoding="utf-8")


def with_line(key: str, value: str) -> str:
    lines = [f"{key} = {value}" if row.startswith(f"{key} =") else row for row in TEXT.splitlines()]
    return "\n".join(lines)


def test_the_shipped_shocks_have_mean_zero_and_variance_one() -> None:
    law = SyntheticParams.from_toml(TEXT).shocks
    weights = np.array(law.frequency)

    for means, stdevs in ((law.spx_mean, law.spx_stdev), (law.vix_mean, law.vix_stdev)):
        mean = weights @ np.array(means)
        variance = weights @ (np.array(means) ** 2 + np.array(stdevs) ** 2)
        assert mean == pytest.approx(0.0, abs=0.001)
        assert variance == pytest.approx(1.0, abs=0.001)


def test_jump_days_are_rare_falls_of_spx_with_a_leap_of_vix() -> None:
    law = SyntheticParams.from_toml(TEXT).shocks

    rarest = law.frequency.index(min(law.frequency))

    assert law.frequency[rarest] < 0.01
    assert law.spx_mean[rarest] == min(law.spx_mean) < -2
    assert law.vix_mean[rarest] == max(law.vix_mean) > 4


def test_spx_moves_seven_tenths_of_what_a_steady_reference_vix_says() -> None:
    params = SyntheticParams.from_toml(TEXT)

    share = params.spx.vix_share / (1 - params.spx.persistence)

    assert 0.70 <= math.sqrt(share) <= 0.80


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("spx = [", "synthetic.toml is no valid TOML"),
        (with_line("vix_share", "0.0"), r"\[spx\] vix_share must be positive, got 0.0"),
        (with_line("vix_share", '"much"'), r"\[spx\] vix_share must be a number, got 'much'"),
        (with_line("vix_share", "nan"), r"\[spx\] vix_share must be a number, got nan"),
        (with_line("variance_memory", "0.95"), "must stay below 1"),
        (with_line("fast_sessions", "0.5"), "fast_sessions must be at least 1"),
        (with_line("pull_to_fast", "0.99"), "the three pulls must add up to less than 1"),
        (with_line("slow_slope", "1.5"), "slow_slope must lie between 0 and 1"),
        (with_line("frequency", "[0.5, 0.5]"), "one number for each component"),
        (with_line("frequency", "[0.5, 0.1, 0.1, 0.1, 0.1]"), "that add up to 1"),
        (with_line("frequency", "0.5"), r"\[shocks\] frequency must be a list of numbers"),
        (with_line("spx_stdev", "[1, 1, 1, 1, 0]"), "spx_stdev and vix_stdev must be positive"),
        (with_line("correlation", "[0, 0, 0, 0, 1]"), "correlation must lie between -1 and 1"),
        (with_line("gap_stdev", "-1"), r"\[session\] gap_stdev must be positive"),
        (TEXT.replace("gap_share", "gap_part", 1), r"\[session\] misses the key gap_share; add it"),
        (TEXT + "more = 1\n", r"\[session\] has the unknown key more; remove it"),
        ("spx = 1\nvix = 2\nshocks = 3\nsession = 4", r"\[spx\] must be a table of keys"),
        ("[spx]", "the file misses the key session; add it"),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_remedy(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        SyntheticParams.from_toml(text)
