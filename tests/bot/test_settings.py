"""Settings: which layer wins, and one sentence for each thing a person can get wrong."""

from decimal import Decimal
from pathlib import Path

import pytest

from bot.ib_keys import adapter_settings
from bot.settings import (
    ListingMode,
    Settings,
    as_tree,
    config_hash,
    known_keys,
    load_settings,
    preset_names,
    settings_of,
    with_defaults,
)
from market.errors import ConfigError


def toml(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "my.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_default_preset_is_the_defaults() -> None:
    assert load_settings() == Settings()
    assert "seed_25" in preset_names()


def test_a_file_is_over_the_preset_and_set_is_over_the_file(tmp_path: Path) -> None:
    config = toml(tmp_path, "[condor]\nwing_width_points = 50\nmax_delta = 0.1\n")

    settings = load_settings("seed_25", config, ["condor.wing_width_points=10"])

    assert settings.condor.wing_width_points == 10
    assert settings.condor.max_delta == 0.1
    assert settings.condor.strike_grid_points == Settings().condor.strike_grid_points


def test_the_last_set_of_a_key_wins() -> None:
    assert load_settings(overrides=["risk.max_orders_per_session=3"] * 2 + [
        "risk.max_orders_per_session=4"
    ]).risk.max_orders_per_session == 4  # fmt: skip


def test_values_of_set_are_toml_or_bare_words() -> None:
    settings = load_settings(
        overrides=[
            "market.listing=hypothetical",
            'condor.mode = "promoter"',
            "condor.enabled=false",
            "account.start_nlv_usd=100000.50",
        ]
    )

    assert settings.market.listing is ListingMode.HYPOTHETICAL
    assert settings.condor.mode == "promoter"
    assert settings.condor.enabled is False
    assert settings.account.start_nlv_usd == Decimal("100000.50")


def test_an_about_line_stands_outside_sections_and_sets_nothing(tmp_path: Path) -> None:
    assert load_settings(config=toml(tmp_path, 'about = "mine"\n')) == Settings()


REFUSED_SET = [
    (
        "condor.wing_widht_points=25",
        "--set condor.wing_widht_points=25: condor.wing_widht_points is no known key; "
        "did you mean condor.wing_width_points.",
    ),
    (
        "condr.enabled=true",
        "--set condr.enabled=true: condr.enabled is no known key; did you mean condor.enabled.",
    ),
    (
        "zebra.stripes=9",
        "--set zebra.stripes=9: zebra.stripes is no known key; "
        "`alvh config --schema` lists all keys.",
    ),
    (
        "condor.wing_width_points=27",
        "--set condor.wing_width_points=27: [condor] wing_width_points = 27 is off the strike "
        "grid; use a multiple of strike_grid_points = 5.",
    ),
    (
        "alvh.budget_max_frac=-0.1",
        "--set alvh.budget_max_frac=-0.1: alvh.budget_max_frac = -0.1 is refused: input should be "
        "greater than or equal to 0; give another value (Purchases may not lift paid premium "
        "above this share).",
    ),
    (
        "alvh.budget_min_frac=0.2",
        "--set alvh.budget_min_frac=0.2: [alvh] budget_min_frac must not exceed budget_max_frac "
        "(budget_min_frac = 0.2, budget_max_frac = 0.08).",
    ),
    (
        "condor.max_delta=much",
        "--set condor.max_delta=much: condor.max_delta = 'much' is refused: input should be a "
        "valid number, unable to parse string as a number; give another value (Cap on |delta| of "
        "each short leg).",
    ),
    (
        "risk.max_orders_per_session=2.5",
        "--set risk.max_orders_per_session=2.5: risk.max_orders_per_session = 2.5 is refused: "
        "input should be a valid integer, got a number with a fractional part; give another value "
        "(Orders sent in one session at most; more is a runaway).",
    ),
    (
        "market.listing=all",
        "--set market.listing=all: market.listing = 'all' is refused: input should be 'listed' or "
        "'hypothetical'; give another value (listed, or hypothetical: every session has an "
        "expiry).",
    ),
    (
        "edr.multiplier_max=Infinity",
        "--set edr.multiplier_max=Infinity: edr.multiplier_max = inf is refused; give a number.",
    ),
    (
        "condor.skew_switch_vol_points=nan",
        "--set condor.skew_switch_vol_points=nan: condor.skew_switch_vol_points = nan is refused; "
        "give a number.",
    ),
    (
        "condor.entry_after_close_minutes=0.3",
        "--set condor.entry_after_close_minutes=0.3: condor.entry_after_close_minutes = 0.3 is "
        "refused: input should be greater than 0.5; give another value (Entry, minutes after the "
        "cash close).",
    ),
    ("condor.enabled", "--set condor.enabled is not of the form section.key=value."),
    ("enabled=true", "--set enabled=true is not of the form section.key=value."),
    (
        "condor.a.b=1",
        "--set condor.a.b=1: condor.a.b is no known key; did you mean condor.enabled.",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED_SET)
def test_a_wrong_set_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(overrides=[text])

    assert str(refused.value) == sentence
    assert refused.value.exit_code == 2


REFUSED_FILE = [
    (
        "[condor]\nwing_width_points = 27\n",
        "my.toml: [condor] wing_width_points = 27 is off the strike grid; use a multiple of "
        "strike_grid_points = 5.",
    ),
    (
        "[condor]\nwing = 25\n",
        "my.toml: condor.wing is no known key; did you mean condor.wing_width_points.",
    ),
    ("[condr]\n", "my.toml: condr is no known key; did you mean condor."),
    (
        "wing_width_points = 25\n",
        "my.toml: wing_width_points = 25 stands outside a section; put it under a [section] "
        "header, wing_width_points belongs under [condor].",
    ),
    (
        "width = 25\n",
        "my.toml: width = 25 stands outside a section; put it under a [section] header.",
    ),
    (
        "[condor\n",
        "my.toml is no valid TOML: Expected ']' at the end of a table declaration (at line 1, "
        "column 8); correct that line.",
    ),
    (
        "[alvh]\nbudget_max_frac = '8 %'\n",
        "my.toml: alvh.budget_max_frac = '8 %' is refused: input should be a valid number, unable "
        "to parse string as a number; give another value (Purchases may not lift paid premium "
        "above this share).",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED_FILE)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(config=toml(tmp_path, text))

    assert str(refused.value) == sentence


def test_a_conflict_is_laid_to_the_layer_that_set_the_key_it_names(tmp_path: Path) -> None:
    config = toml(tmp_path, "[condor]\nwing_width_points = 27\n")

    with pytest.raises(ConfigError, match=r"^my\.toml: \[condor\] wing_width_points = 27"):
        load_settings(config=config, overrides=["condor.enabled=true"])


def test_a_value_is_laid_to_the_layer_that_set_it(tmp_path: Path) -> None:
    config = toml(tmp_path, "[condor]\nmax_delta = 0.9\n")

    with pytest.raises(ConfigError, match=r"^my\.toml: condor\.max_delta = 0\.9"):
        load_settings(config=config, overrides=["condor.enabled=true"])


def test_a_file_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = toml(tmp_path, b"\xff\xfe[condor]")

    with pytest.raises(ConfigError) as refused:
        load_settings(config=path)

    assert str(refused.value) == f"{path} is no text in UTF-8; save it as UTF-8."


def test_a_folder_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as folder:
        load_settings(config=tmp_path)
    with pytest.raises(ConfigError) as missing:
        load_settings(config=tmp_path / "none.toml")

    assert str(folder.value) == f"{tmp_path} cannot be read (Is a directory); check the path."
    assert str(missing.value) == (
        f"{tmp_path / 'none.toml'} cannot be read (No such file or directory); check the path."
    )


def test_an_unknown_preset_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError) as near:
        load_settings("seed25")
    with pytest.raises(ConfigError, match=r"preset 'qqq' is unknown; choose one of .*seed_25"):
        load_settings("qqq")

    assert str(near.value) == "preset 'seed25' is unknown; did you mean seed_25."


def test_every_preset_loads() -> None:
    for name in preset_names():
        assert isinstance(load_settings(name), Settings)


def test_every_key_has_a_description() -> None:
    keys = known_keys()

    assert [key for key, text in keys.items() if not text] == []
    assert {"condor.wing_width_points", "alvh.delta_near", "edr.shift_threshold_frac"} <= set(keys)


def test_settings_survive_the_way_through_plain_values() -> None:
    settings = load_settings(overrides=["account.start_nlv_usd=123456.78", "condor.mode=promoter"])

    assert Settings.model_validate(as_tree(settings)) == settings


def test_the_hash_tells_settings_apart() -> None:
    one, other = load_settings(), load_settings(overrides=["condor.max_delta=0.17"])

    assert config_hash(one) == config_hash(Settings())
    assert config_hash(one) != config_hash(other)
    assert len(config_hash(one)) == 16


def test_a_key_that_journals_leave_out_is_shown_to_people_and_reaches_the_adapter() -> None:
    usual, more = Settings(), Settings.model_validate({"ib": {"lines": 300}})

    assert "lines" not in as_tree(usual)["ib"]
    assert as_tree(more)["ib"]["lines"] == 300
    assert with_defaults(usual)["ib"] == as_tree(usual)["ib"] | {"lines": 100}
    assert [
        adapter_settings(each.ib, may_be_delayed=False).most_lines for each in (usual, more)
    ] == [80, 280]
    assert settings_of(as_tree(more)) == more
