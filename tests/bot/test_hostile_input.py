"""Input of strangers: whatever stands in a file or a row is refused in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as searching
from hypothesis import strategies as st

from bot.events import KINDS
from bot.inputs import unpack_reading, unpack_snapshot
from bot.journal.codec import decode
from bot.masking import masked
from bot.settings import known_keys, load_settings
from bot.world import load_calendar
from market.errors import AlvhError, JournalDamaged, UserMistake
from market.history import load_history
from market.sessions import SessionCalendar

SPX = """\
date,open,high,low,close,volume
2018-01-02,2683.73,2695.89,2682.36,2695.81,1
2018-01-03,2697.85,2714.37,2697.77,2713.06,1
2018-01-04,2719.31,2729.29,2719.07,2723.99,1
"""
VIX = """\
date,open,high,low,close
2018-01-02,10.95,11.07,9.52,9.77
2018-01-03,9.56,9.65,8.92,9.15
2018-01-04,9.01,9.38,8.92,9.22
"""
SCALARS = st.one_of(
    st.integers(), st.booleans(), st.floats(), st.text(max_size=20), st.lists(st.integers())
)
same_folder = searching(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def refusal(call: Callable[[], object], kind: type[AlvhError] = UserMistake) -> str | None:
    """Return the sentence with which a call refuses its input, None when it takes it."""
    try:
        call()
    except kind as error:
        return str(error)
    return None


@same_folder
@given(raw=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_as_a_settings_file_are_taken_or_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(raw)

    said = refusal(lambda: load_settings(config=path))

    assert said is None or "config.toml" in said


@same_folder
@given(
    key=st.one_of(st.sampled_from(sorted(known_keys())), st.text(max_size=20)),
    value=SCALARS.map(json.dumps) | st.text(max_size=20),
)
def test_any_override_is_taken_or_refused(key: str, value: str) -> None:
    said = refusal(lambda: load_settings(overrides=[f"{key}={value}"]))

    assert said is None or said.endswith((".", ")."))


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return load_calendar()


@same_folder
@given(
    is_vix=st.booleans(),
    place=st.integers(0, 120),
    junk=st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from([b"nan", b"-1", b"1e400", b",", b"\n", b"\x00", b'"', b"2018-01-03,"]),
    ),
)
def test_a_spoilt_history_file_is_taken_or_refused(
    is_vix: bool, place: int, junk: bytes, tmp_path: Path, calendar: SessionCalendar
) -> None:
    for name, text, is_spoilt in (("spx", SPX, not is_vix), ("vix", VIX, is_vix)):
        raw = text.encode()
        spoilt = raw[:place] + junk + raw[place + len(junk) :]
        (tmp_path / f"{name}_daily.csv").write_bytes(spoilt if is_spoilt else raw)

    said = refusal(lambda: load_history(tmp_path, calendar))

    assert said is None or "_daily.csv" in said


@searching(max_examples=150)
@given(
    kind=st.sampled_from(sorted(KINDS)) | st.text(max_size=10),
    text=st.one_of(
        st.text(max_size=60),
        st.recursive(
            st.none() | SCALARS,
            lambda inner: st.dictionaries(st.sampled_from(["at", "session", "x"]), inner),
        ).map(json.dumps),
    ),
)
def test_any_row_of_a_journal_is_a_record_or_damaged(kind: str, text: str) -> None:
    said = refusal(lambda: decode(kind, text), JournalDamaged)

    assert said is None or "journal" in said


@given(raw=st.binary(max_size=80))
def test_any_bytes_as_a_kept_input_are_damaged(raw: bytes) -> None:
    for unpack in (unpack_snapshot, unpack_reading):
        with pytest.raises(JournalDamaged, match="a kept input cannot be read"):
            unpack(raw)


SECRETS = ("hunter2", "tok_9f8e7d6c5b4a", "1234567")
LEAKY = st.sampled_from(
    [
        "account DU1234567 has no permission",
        "postgresql://alvh:hunter2@host/db refused",
        "https://example.org/hook?token=tok_9f8e7d6c5b4a&x=1",
        "Authorization: Bearer tok_9f8e7d6c5b4a",
        "password=hunter2",
        'quoted "api_key=tok_9f8e7d6c5b4a" \\ "',
        "U1234567",
    ]
)


@given(before=st.text(max_size=30), leaky=LEAKY, after=st.text(max_size=30))
def test_masking_takes_secrets_out_and_leaves_json_whole(
    before: str, leaky: str, after: str
) -> None:
    text = json.dumps({"reason": f"{before} {leaky} {after}"}, ensure_ascii=False)

    shown = masked(text)

    assert [secret for secret in SECRETS if secret in shown] == []
    assert set(json.loads(shown)) == {"reason"}
    assert masked(shown) == shown
