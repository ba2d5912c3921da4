"""The macro calendar against published release dates, and what a decision may know of it."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from market.macro import MacroCalendar, MacroEvent, MacroKind

FOMC, CPI, PPI, NFP = MacroKind.FOMC, MacroKind.CPI, MacroKind.PPI, MacroKind.NFP

SMALL = """
[cpi]
expires = 2026-12-10
source = "bls.gov"
[[cpi.times]]
from = 2022-01-01
at_et = 08:30:00
[cpi.dates]
2022 = "01-03 12-30"
2025 = "03-12"
2026 = "06-15 12-10"
"""


@pytest.fixture(scope="module")
def macro() -> MacroCalendar:
    return MacroCalendar.from_toml(
        files("config").joinpath("macro_events.toml").read_text(encoding="utf-8")
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dates(macro: MacroCalendar, kind: MacroKind, year: int) -> list[str]:
    return [
        f"{event.date_et:%m-%d}"
        for event in macro.events
        if event.kind is kind and event.date_et.year == year and event.is_scheduled
    ]


def test_the_shipped_file_covers_2004_to_2026_with_twelve_releases_a_year(
    macro: MacroCalendar,
) -> None:
    counts = Counter(
        (event.kind, event.date_et.year) for event in macro.events if event.is_scheduled
    )
    # The lapse of appropriations of 2025 dropped or moved releases; the meeting of 17-18 March
    # 2020 was replaced by a decision on the Sunday before.
    odd = {
        (FOMC, 2020): 7,
        (CPI, 2025): 11,
        (PPI, 2025): 10,
        (PPI, 2026): 13,
        (NFP, 2025): 11,
    }

    usual = {
        (kind, year): 8 if kind is FOMC else 12 for kind in MacroKind for year in range(2004, 2027)
    }

    assert counts == {**usual, (FOMC, 2027): 8, **odd}


def test_releases_fall_on_weekdays(macro: MacroCalendar) -> None:
    weekend = [event for event in macro.events if event.date_et.weekday() > 4]

    # The cut to zero came on a Sunday.
    assert [event.at for event in weekend] == [utc("2020-03-15T21:00")]


def test_the_employment_report_comes_on_fridays_but_for_known_exceptions(
    macro: MacroCalendar,
) -> None:
    others = [e.date_et for e in macro.events if e.kind is NFP and e.date_et.weekday() != 4]

    # Thursdays before Independence Day, and the lapses of 2013, 2025 and 2026 (bls.gov).
    assert others == [
        date(2008, 7, 3),
        date(2009, 7, 2),
        date(2013, 10, 22),
        date(2014, 7, 3),
        date(2015, 7, 2),
        date(2020, 7, 2),
        date(2025, 7, 3),
        date(2025, 11, 20),
        date(2025, 12, 16),
        date(2026, 2, 11),
        date(2026, 7, 2),
    ]


# federalreserve.gov historical page of 2018; bls.gov schedules of 2018.
def test_the_dates_of_2018_are_those_published(macro: MacroCalendar) -> None:
    assert dates(macro, FOMC, 2018) == [
        "01-31", "03-21", "05-02", "06-13", "08-01", "09-26", "11-08", "12-19",
    ]  # fmt: skip
    assert dates(macro, CPI, 2018)[:3] == ["01-12", "02-14", "03-13"]
    assert dates(macro, PPI, 2018)[:3] == ["01-11", "02-15", "03-14"]
    assert dates(macro, NFP, 2018)[:3] == ["01-05", "02-02", "03-09"]


def test_the_next_releases_after_23_november_2026(macro: MacroCalendar) -> None:
    entry = utc("2026-11-23T21:10")

    events = macro.between(entry, utc("2026-12-31T21:00"), known_at=entry)

    assert events == (
        MacroEvent(NFP, utc("2026-12-04T13:30")),
        MacroEvent(FOMC, utc("2026-12-09T19:00")),
        MacroEvent(CPI, utc("2026-12-10T13:30")),
        MacroEvent(PPI, utc("2026-12-15T13:30")),
    )


# Board of Governors, press releases of 2011-03-24 and 2013-03-13.
@pytest.mark.parametrize(
    ("day", "at"),
    [
        ("2010-12-14", "2010-12-14T19:15"),
        ("2011-03-15", "2011-03-15T18:15"),
        ("2011-04-27", "2011-04-27T16:30"),
        ("2011-06-22", "2011-06-22T16:30"),
        ("2011-08-09", "2011-08-09T18:15"),
        ("2011-11-02", "2011-11-02T16:30"),
        ("2012-01-25", "2012-01-25T17:30"),
        ("2012-03-13", "2012-03-13T18:15"),
        ("2012-04-25", "2012-04-25T16:30"),
        ("2012-06-20", "2012-06-20T16:30"),
        ("2012-09-13", "2012-09-13T16:30"),
        ("2012-12-12", "2012-12-12T17:30"),
        ("2013-01-30", "2013-01-30T19:15"),
        ("2013-03-20", "2013-03-20T18:00"),
        ("2018-03-21", "2018-03-21T18:00"),
    ],
)
def test_fomc_decisions_come_at_the_hour_of_their_time(
    macro: MacroCalendar, day: str, at: str
) -> None:
    instants = [
        event.at
        for event in macro.events
        if event.kind is FOMC and event.date_et == date.fromisoformat(day)
    ]

    assert instants == [utc(at)]


def test_the_window_excludes_its_start_and_includes_its_end(macro: MacroCalendar) -> None:
    release = utc("2018-02-14T13:30")
    second = timedelta(seconds=1)

    after_it = macro.between(release, release + second, known_at=release)
    up_to_it = macro.between(release - second, release, known_at=release - second)

    assert after_it == ()
    assert up_to_it == (MacroEvent(CPI, release),)


def test_nobody_saw_the_cut_of_3_march_2020_coming(macro: MacroCalendar) -> None:
    entry, expiry = utc("2020-03-02T21:10"), utc("2020-03-03T21:00")
    cut = MacroEvent(FOMC, utc("2020-03-03T15:00"), is_scheduled=False, known_from=date(2020, 3, 3))

    known_before = macro.between(entry, expiry, known_at=entry)
    known_that_morning = macro.between(entry, expiry, known_at=utc("2020-03-03T14:30"))
    known_then = macro.between(entry, expiry, known_at=cut.at)

    assert known_before == ()
    assert known_that_morning == ()
    assert known_then == (cut,)
    assert macro.published(entry, expiry) == (cut,)


def test_an_unscheduled_decision_announced_ahead_is_known_from_that_exchange_date() -> None:
    event = MacroEvent(
        FOMC, utc("2030-05-10T14:00"), is_scheduled=False, known_from=date(2030, 5, 8)
    )

    # 03:00 UTC on the 8th is still the 7th in New York.
    assert not event.is_known(utc("2030-05-08T03:00"))
    assert event.is_known(utc("2030-05-08T05:00"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at": datetime(2018, 2, 14, 8, 30)}, "must be given in UTC"),  # noqa: DTZ001
        ({"is_scheduled": False}, "needs known_from"),
        (
            {"is_scheduled": False, "known_from": date(2018, 2, 14), "is_provisional": True},
            "unscheduled and provisional",
        ),
    ],
)
def test_an_event_that_makes_no_sense_is_not_born(
    arguments: dict[str, object], message: str
) -> None:
    fields: dict[str, object] = {"kind": CPI, "at": utc("2018-02-14T13:30"), **arguments}

    with pytest.raises(ValueError, match=message):
        MacroEvent(**fields)  # type: ignore[arg-type]


def test_beyond_the_published_dates_the_spread_of_three_years_counts_provisionally() -> None:
    # The last three years hold the 10th, 12th and 15th; the 3rd and 30th of 2022 are older.
    macro = MacroCalendar.from_toml(SMALL)
    known_at = utc("2026-12-20T21:00")

    events = macro.between(utc("2026-12-10T21:00"), utc("2027-02-01T00:00"), known_at)

    # In January 2027 the 10th is a Sunday.
    assert events == tuple(
        MacroEvent(CPI, utc(f"2027-01-{day}T13:30"), is_provisional=True)
        for day in (11, 12, 13, 14, 15)
    )


def test_provisional_windows_keep_exchange_time_in_summer() -> None:
    macro = MacroCalendar.from_toml(SMALL)

    events = macro.between(
        utc("2027-07-13T21:00"), utc("2027-07-14T20:00"), utc("2027-07-13T21:00")
    )

    assert events == (MacroEvent(CPI, utc("2027-07-14T12:30"), is_provisional=True),)


def test_a_provisional_day_at_the_start_of_the_window_is_past() -> None:
    macro = MacroCalendar.from_toml(SMALL)
    release = utc("2027-01-12T13:30")

    events = macro.between(release, utc("2027-01-13T13:30"), known_at=release)

    assert events == (MacroEvent(CPI, utc("2027-01-13T13:30"), is_provisional=True),)


def test_fomc_gets_no_provisional_window(macro: MacroCalendar) -> None:
    start = utc("2028-01-01T00:00")

    events = macro.between(start, utc("2028-12-31T00:00"), known_at=start)

    assert {event.kind for event in events} == {CPI, PPI, NFP}
    assert all(event.is_provisional for event in events)


def test_coverage_tells_the_last_published_date_of_each_kind(macro: MacroCalendar) -> None:
    assert macro.coverage() == {
        FOMC: date(2027, 12, 8),
        CPI: date(2026, 12, 10),
        PPI: date(2026, 12, 15),
        NFP: date(2026, 12, 4),
    }


def test_an_unscheduled_decision_does_not_lengthen_the_coverage() -> None:
    late = MacroEvent(
        FOMC, utc("2030-01-02T15:00"), is_scheduled=False, known_from=date(2030, 1, 2)
    )

    macro = MacroCalendar([late, MacroEvent(FOMC, utc("2026-12-09T19:00"))])

    assert macro.coverage() == {FOMC: date(2026, 12, 9)}


def test_sixty_days_before_the_end_a_kind_warns_with_the_command() -> None:
    macro = MacroCalendar.from_toml(SMALL)

    sixty_left = macro.warnings(date(2026, 10, 11))
    less_left = macro.warnings(date(2026, 10, 12))
    none_left = macro.warnings(date(2026, 12, 13))

    assert sixty_left == ()
    assert less_left == (
        "CPI dates are published until 2026-12-10 only, 59 days from now: "
        "run `alvh data download macro --data DIR` and name its macro_events.toml with "
        "--set market.macro_file=FILE.",
    )
    assert none_left == (
        "CPI dates ended on 2026-12-10, 3 days ago: "
        "run `alvh data download macro --data DIR` and name its macro_events.toml with "
        "--set market.macro_file=FILE.",
    )


def test_the_warning_of_fomc_meetings_names_what_renews_them(macro: MacroCalendar) -> None:
    warnings = macro.warnings(date(2027, 12, 1))

    assert warnings[0] == (
        "FOMC dates are published until 2027-12-08 only, 7 days from now: "
        "add the newer ones to a copy of config/macro_events.toml and name it with "
        "--set market.macro_file=FILE."
    )


@pytest.mark.parametrize(
    ("found", "replaced", "message"),
    [
        ("[cpi]", "[cpi", "m.toml is no valid TOML: "),
        (
            "[cpi]\n",
            "[gdp]\n[cpi]\n",
            "m.toml: gdp is no known kind: use one of fomc, cpi, ppi, nfp.",
        ),
        ("[cpi]\n", "ppi = 3\n[cpi]\n", "m.toml: ppi is 3: make it a table, [ppi]."),
        ("expires = 2026-12-10\n", "", "m.toml: cpi.expires is missing: add it."),
        ("expires =", "until = 1\nexpires =", "m.toml: cpi.until is no known key: remove it."),
        (
            "expires = 2026-12-10",
            "expires = 2027-12-10",
            "m.toml: cpi.expires is 2027-12-10: make it the last date listed, 2026-12-10.",
        ),
        (
            "expires = 2026-12-10",
            "expires = 2026-12-10T00:00:00",
            "m.toml: cpi.expires is datetime.datetime(2026, 12, 10, 0, 0): "
            "write a date such as 2018-02-14.",
        ),
        (
            "06-15",
            "06-31",
            "m.toml: cpi.dates.2026 has '06-31', which is no date: write MM-DD.",
        ),
        (
            "06-15 12-10",
            "06-15 06-15 12-10",
            "m.toml: cpi.dates.2026 has 2026-06-15 after 2026-06-15: sort, each date once.",
        ),
        (
            "from = 2022-01-01",
            "from = 2025-01-01",
            "m.toml: cpi.times gives no time for 2022-01-03: add one that starts on or before it.",
        ),
        (
            "at_et = 08:30:00",
            "",
            "m.toml: cpi.times.at_et is missing: add a time such as 08:30:00.",
        ),
        (
            "[cpi.dates]",
            "[cpi.times_on]\n2026-06-16 = 09:00:00\n[cpi.dates]",
            "m.toml: cpi.times_on.2026-06-16 is no date of the list: correct or remove it.",
        ),
        (
            "[cpi.dates]",
            "[[cpi.unscheduled]]\nat_et = 2026-01-05T10:00:00\n[cpi.dates]",
            "m.toml: cpi.unscheduled.known_from is missing: add a date such as 2018-02-14.",
        ),
    ],
)
def test_a_malformed_file_is_refused_in_one_sentence(
    found: str, replaced: str, message: str
) -> None:
    text = SMALL.replace(found, replaced, 1)
    assert text != SMALL

    with pytest.raises(ConfigError) as refusal:
        MacroCalendar.from_toml(text, "m.toml")

    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)


INSTANTS = st.datetimes(
    datetime(2004, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    datetime(2030, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(first=INSTANTS, second=INSTANTS, third=INSTANTS)
def test_two_adjoining_windows_hold_what_the_whole_one_holds(
    macro: MacroCalendar, first: datetime, second: datetime, third: datetime
) -> None:
    start, middle, end = sorted((first, second, third))

    whole = macro.between(start, end, known_at=start)
    parts = macro.between(start, middle, start) + macro.between(middle, end, start)

    assert whole == parts
    assert all(start < event.at <= end for event in whole)


@given(known_at=INSTANTS)
def test_no_decision_knows_of_an_unscheduled_event_in_its_future(
    macro: MacroCalendar, known_at: datetime
) -> None:
    horizon = known_at + timedelta(days=3000)

    ahead = macro.between(known_at, horizon, known_at)

    assert all(event.is_scheduled for event in ahead)
