"""Listings against recorded chains, exchange notices and VIX future settlements."""

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError, NoSuchSession
from market.instruments import TradingClass
from market.listings import ListingRules, Listings, is_vix_monthly
from market.sessions import SessionCalendar

SPX, SPXW, VIX, VIXW = TradingClass.SPX, TradingClass.SPXW, TradingClass.VIX, TradingClass.VIXW
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(2004, 1, 1), date(2027, 12, 31))


@pytest.fixture(scope="module")
def rules() -> ListingRules:
    return ListingRules.from_toml(
        files("config").joinpath("listings.toml").read_text(encoding="utf-8")
    )


@pytest.fixture(scope="module")
def listings(rules: ListingRules, calendar: SessionCalendar) -> Listings:
    return Listings(rules, calendar)


def golden_rows(name: str) -> Iterator[list[date]]:
    lines = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
    for line in [line for line in lines if not line.startswith("#")][1:]:
        yield [date.fromisoformat(cell) for cell in line.split(",")]


def recorded_chains() -> dict[date, set[date]]:
    chains: dict[date, set[date]] = {}
    for quote_date, expiry in golden_rows("spxw_expiries_in_chains.csv"):
        chains.setdefault(quote_date, set()).add(expiry)
    return chains


# 2022-02-04 was recorded after the close, when that day's own series had expired.
@pytest.mark.parametrize("on", sorted(recorded_chains()))
def test_no_spxw_expiry_is_listed_that_a_recorded_chain_does_not_show(
    listings: Listings, on: date
) -> None:
    listed = set(listings.spxw_expiries(on, on + timedelta(days=30)))

    assert listed - recorded_chains()[on] - {date(2022, 2, 4)} == set()


@pytest.mark.parametrize("on", sorted(recorded_chains()))
def test_every_spxw_expiry_of_the_next_ten_days_in_a_recorded_chain_is_listed(
    listings: Listings, on: date
) -> None:
    until = on + timedelta(days=10)
    recorded = {expiry for expiry in recorded_chains()[on] if expiry <= until}

    listed = set(listings.spxw_expiries(on, until))

    assert recorded <= listed


def test_vix_futures_expire_when_they_settled_from_2006_to_2015(listings: Listings) -> None:
    settled = [expiry for (expiry,) in golden_rows("vx_expiries_2004_2015.csv")]
    since_2006 = [expiry for expiry in settled if expiry >= date(2006, 1, 1)]

    expiries = listings.vx_expiries(date(2005, 12, 31), len(since_2006))

    assert list(expiries) == since_2006


def test_the_few_vix_futures_of_2004_and_2005_settled_on_days_of_the_rule(
    listings: Listings,
) -> None:
    settled = {expiry for (expiry,) in golden_rows("vx_expiries_2004_2015.csv")}

    expiries = set(listings.vx_expiries(date(2004, 5, 1), 140))

    assert settled <= expiries


# Cboe VIX expiration calendar of 2018.
def test_the_vix_monthly_expiries_of_2018(listings: Listings) -> None:
    expiries = listings.vx_expiries(date(2018, 1, 2), 12)

    assert [f"{expiry:%m-%d}" for expiry in expiries] == [
        "01-17", "02-14", "03-21", "04-18", "05-16", "06-20",
        "07-18", "08-22", "09-19", "10-17", "11-21", "12-19",
    ]  # fmt: skip


# A holiday on the third Friday a month later moves the expiry to Tuesday: Good Friday in March
# 2008 and April 2014, Juneteenth 2026 (Cboe expiration calendars).
@pytest.mark.parametrize("expiry", [date(2008, 2, 19), date(2014, 3, 18), date(2026, 5, 19)])
def test_a_holiday_thirty_days_later_moves_the_vix_expiry_to_tuesday(
    listings: Listings, expiry: date
) -> None:
    assert listings.vx_expiries(expiry - timedelta(days=1), 1) == (expiry,)
    assert listings.vx_expiries(expiry, 1)[0] > expiry + timedelta(days=20)


def test_a_vix_series_stops_the_session_before_it_settles(
    listings: Listings, calendar: SessionCalendar
) -> None:
    # Expiry on Tuesday 2026-05-19: last traded on Monday the 18th until 16:15 ET.
    expiry = date(2026, 5, 19)

    assert listings.is_listed(VIX, expiry, date(2026, 5, 18))
    assert not listings.is_listed(VIX, expiry, expiry)
    assert f"{calendar.trading_ends_at(VIX, expiry):%Y-%m-%dT%H:%MZ}" == "2026-05-18T20:15Z"


# The VIX chain of 2015-10-09 and of 2015-11-02 (Cboe Options Hub); Wednesday the 25th moved to the
# 24th because the Friday thirty days later was Christmas.
@pytest.mark.parametrize(
    ("on", "until", "expected"),
    [
        (
            date(2015, 10, 9),
            date(2015, 12, 31),
            [(VIX, "10-21"), (VIXW, "10-28"), (VIXW, "11-04"), (VIX, "11-18"), (VIX, "12-16")],
        ),
        (
            date(2015, 11, 2),
            date(2015, 11, 30),
            [(VIXW, "11-04"), (VIXW, "11-11"), (VIX, "11-18"), (VIXW, "11-24")],
        ),
        # Chains recorded in the summer of 2026.
        (
            date(2026, 7, 29),
            date(2026, 9, 30),
            [(VIXW, "08-05"), (VIXW, "08-12"), (VIX, "08-19"), (VIXW, "08-26"), (VIX, "09-16")],
        ),
        (
            date(2026, 7, 30),
            date(2026, 9, 15),
            [(VIXW, "08-05"), (VIXW, "08-12"), (VIX, "08-19"), (VIXW, "08-26"), (VIXW, "09-02")],
        ),
    ],
)
def test_vix_expiries_are_those_of_recorded_chains(
    listings: Listings, on: date, until: date, expected: list[tuple[TradingClass, str]]
) -> None:
    found = listings.vix_expiries(on, until)

    assert [(kind, f"{expiry:%m-%d}") for kind, expiry in found] == expected


# Cboe news releases of 2006-02-21 and 2006-05-10.
def test_vix_options_began_with_three_months_and_grew_to_the_february_cycle(
    listings: Listings,
) -> None:
    year_on = timedelta(days=365)

    before = listings.vix_expiries(date(2006, 2, 23), date(2007, 2, 23))
    launch = listings.vix_expiries(date(2006, 2, 24), date(2006, 2, 24) + year_on)
    in_may = listings.vix_expiries(date(2006, 5, 10), date(2006, 5, 10) + year_on)

    assert before == ()
    assert [expiry.month for _, expiry in launch] == [3, 4, 5]
    assert [expiry.month for _, expiry in in_may] == [5, 6, 8, 11, 2]


def test_from_2014_a_vix_expiry_lies_near_every_hedge_tenor(
    listings: Listings, calendar: SessionCalendar
) -> None:
    for on in calendar.between(date(2014, 1, 2), date(2026, 11, 30)):
        days = [(e - on).days for _, e in listings.vix_expiries(on, on + timedelta(days=330))]

        distances = [min(abs(day - tenor) for day in days) for tenor in (30, 110, 220)]

        assert max(distances) <= 18


# Weekday series: (class starts, first expiry) from the Cboe notices named in the listings file.
@pytest.mark.parametrize(
    ("weekday_start", "unlisted", "first"),
    [
        (date(2010, 12, 2), date(2010, 12, 3), date(2010, 12, 10)),
        (date(2016, 2, 23), date(2016, 2, 24), date(2016, 3, 2)),
        (date(2016, 8, 15), date(2016, 8, 15), date(2016, 8, 22)),
        (date(2022, 4, 18), date(2022, 4, 19), date(2022, 4, 26)),
        (date(2022, 5, 11), date(2022, 5, 12), date(2022, 5, 19)),
    ],
)
def test_a_weekday_series_begins_with_its_first_announced_expiry(
    listings: Listings, weekday_start: date, unlisted: date, first: date
) -> None:
    assert not listings.is_listed(SPXW, unlisted, weekday_start)
    assert listings.is_listed(SPXW, first, weekday_start)
    assert not listings.is_listed(SPXW, first, weekday_start - timedelta(days=1))


def test_before_december_2010_no_weekly_series_settles_on_the_close(listings: Listings) -> None:
    assert listings.spxw_expiries(date(2010, 12, 1), date(2010, 12, 31)) == ()


def test_a_week_of_2018_lists_monday_wednesday_and_friday(listings: Listings) -> None:
    expiries = listings.spxw_expiries(date(2018, 2, 2), date(2018, 2, 11))

    assert expiries == (date(2018, 2, 2), date(2018, 2, 5), date(2018, 2, 7), date(2018, 2, 9))


def test_good_friday_moves_the_week_end_to_thursday(listings: Listings) -> None:
    expiries = listings.spxw_expiries(date(2018, 3, 26), date(2018, 4, 1))

    assert expiries == (date(2018, 3, 26), date(2018, 3, 28), date(2018, 3, 29))


def test_a_monday_holiday_moves_on_and_a_wednesday_holiday_back(listings: Listings) -> None:
    # Labor Day 2016-09-05 (Cboe Options Hub, 2016-08-17); Independence Day 2018.
    labor_day = listings.spxw_expiries(date(2016, 9, 2), date(2016, 9, 8))
    independence_day = listings.spxw_expiries(date(2018, 7, 2), date(2018, 7, 6))

    assert labor_day == (date(2016, 9, 2), date(2016, 9, 6), date(2016, 9, 7))
    assert independence_day == (date(2018, 7, 2), date(2018, 7, 3), date(2018, 7, 6))


def test_month_ends_are_listed_from_july_2014_and_quarter_ends_before(listings: Listings) -> None:
    # Thursday 2014-07-31 and Tuesday 2014-09-30; 2014-04-30 was a Wednesday.
    assert listings.is_listed(SPXW, date(2014, 7, 31), date(2014, 7, 7))
    assert not listings.is_listed(SPXW, date(2014, 4, 30), date(2014, 4, 29))
    assert listings.is_listed(SPXW, date(2014, 3, 31), date(2014, 3, 28))


def test_a_third_friday_has_am_and_pm_twins_since_2013(listings: Listings) -> None:
    thursday, friday = date(2018, 2, 15), date(2018, 2, 16)

    assert listings.is_listed(SPX, friday, thursday)
    assert not listings.is_listed(SPX, friday, friday)
    assert listings.is_listed(SPXW, friday, thursday)
    assert listings.is_listed(SPXW, friday, friday)
    assert not listings.is_listed(SPXW, date(2013, 2, 15), date(2013, 2, 14))
    assert listings.is_listed(SPXW, date(2013, 3, 15), date(2013, 2, 19))


def test_a_third_friday_on_good_friday_expires_on_thursday(listings: Listings) -> None:
    assert listings.spx_am_expiries(date(2019, 4, 1), date(2019, 4, 30)) == (date(2019, 4, 18),)


def test_since_may_2022_every_session_of_the_next_two_weeks_is_an_expiry(
    listings: Listings, calendar: SessionCalendar
) -> None:
    for on in calendar.between(date(2022, 6, 1), date(2027, 11, 1)):
        ahead = calendar.between(on, on + timedelta(days=7))

        assert listings.spxw_expiries(on, on + timedelta(days=7)) == ahead


def test_hypothetical_listings_have_an_spxw_expiry_on_every_session_and_change_nothing_else(
    rules: ListingRules, calendar: SessionCalendar, listings: Listings
) -> None:
    hypothetical = Listings(rules, calendar, hypothetical=True)
    on, until = date(2008, 9, 12), date(2009, 1, 30)

    assert hypothetical.spxw_expiries(on, until) == calendar.between(on, until)
    assert hypothetical.is_listed(SPXW, date(2008, 9, 15), on)
    assert hypothetical.vix_expiries(on, until) == listings.vix_expiries(on, until)
    assert hypothetical.spx_am_expiries(on, until) == listings.spx_am_expiries(on, until)


def test_a_series_that_has_expired_is_not_listed(listings: Listings) -> None:
    assert not listings.is_listed(SPXW, date(2018, 2, 2), date(2018, 2, 3))


def test_expiries_beyond_the_calendar_are_refused_rather_than_left_out(
    listings: Listings,
) -> None:
    with pytest.raises(NoSuchSession) as refusal:
        listings.vx_expiries(date(2027, 9, 1), 8)

    assert str(refusal.value) == (
        "The calendar, which runs from 2004-01-01 to 2027-12-31, does not hold "
        "8 VIX future expiries after 2027-09-01."
    )


@given(
    on=st.dates(date(2004, 2, 1), date(2027, 2, 26)),
    days=st.integers(min_value=0, max_value=300),
)
def test_lists_and_single_answers_agree(
    listings: Listings, calendar: SessionCalendar, on: date, days: int
) -> None:
    session = calendar.on_or_after(on)
    until = session + timedelta(days=days)
    ahead = calendar.between(session, until)

    lists = (
        {(SPXW, expiry) for expiry in listings.spxw_expiries(session, until)},
        {(SPX, expiry) for expiry in listings.spx_am_expiries(session, until)},
        set(listings.vix_expiries(session, until)),
    )

    assert set().union(*lists) == {
        (kind, day)
        for kind in TradingClass
        for day in ahead
        if listings.is_listed(kind, day, session)
    }


BLOCK = """
[[SPXW]]
rule = "weekly_friday"
listed_from = 2010-12-02
first_expiry = 2010-12-10
days_ahead = 8
source = "Cboe"
"""


@pytest.mark.parametrize(
    ("found", "replaced", "message"),
    [
        ("[[SPXW]]", "[[SPXW]", "l.toml is no valid TOML: "),
        (
            "[[SPXW]]",
            "[[XSP]]",
            "l.toml: XSP is no trading class: use one of SPX, SPXW, VIX, VIXW.",
        ),
        ("[[SPXW]]", "[SPXW]", "l.toml: SPXW must be a list of blocks: write [[SPXW]]."),
        (
            "days_ahead = 8\n",
            "",
            "l.toml: block 1 of [[SPXW]] misses days_ahead: add a whole number.",
        ),
        (
            "days_ahead = 8",
            "days_ahead = true",
            "l.toml: block 1 of [[SPXW]] has days_ahead = True: write a whole number.",
        ),
        (
            "days_ahead = 8",
            "days_ahead = 0",
            "l.toml: block 1 of [[SPXW]]: days_ahead must be at least 1, got 0.",
        ),
        (
            '"weekly_friday"',
            '"weekly_sunday"',
            "l.toml: block 1 of [[SPXW]]: rule must be one of third_friday, month_end, ",
        ),
        (
            "first_expiry = 2010-12-10",
            "first_expiry = 2010-12-01",
            "l.toml: block 1 of [[SPXW]]: first_expiry must not lie before listed_from, "
            "2010-12-02, got 2010-12-01.",
        ),
        (
            "first_expiry = 2010-12-10",
            "months = [13]",
            "l.toml: block 1 of [[SPXW]]: months must lie between 1 and 12, got [13].",
        ),
        (
            "first_expiry = 2010-12-10",
            'months = ["March"]',
            "l.toml: block 1 of [[SPXW]] has months = ['March']: write a list of whole numbers.",
        ),
        (
            "days_ahead",
            "weeks_ahead",
            "l.toml: block 1 of [[SPXW]] has the unknown key weeks_ahead: use rule, ",
        ),
    ],
)
def test_a_malformed_file_is_refused_in_one_sentence(
    found: str, replaced: str, message: str
) -> None:
    text = BLOCK.replace(found, replaced, 1)
    assert text != BLOCK

    with pytest.raises(ConfigError) as refusal:
        ListingRules.from_toml(text, "l.toml")

    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)


def test_every_shipped_rule_names_its_source(rules: ListingRules) -> None:
    assert all(rule.source for rule in rules.rules)
    assert {rule.trading_class for rule in rules.rules} == set(TradingClass)


@pytest.mark.parametrize(
    ("expiry", "is_monthly"),
    [
        (date(2026, 7, 22), True),
        (date(2026, 7, 29), False),
        (date(2026, 8, 19), True),
        (date(2024, 6, 18), True),
        (date(2014, 3, 18), True),
        (date(2014, 3, 19), False),
    ],
    ids=str,
)
def test_a_vix_expiry_is_monthly_when_futures_expire_with_it(
    calendar: SessionCalendar, expiry: date, is_monthly: bool
) -> None:
    assert is_vix_monthly(calendar, expiry) is is_monthly


def test_all_vix_series_of_two_decades_are_told_apart(
    listings: Listings, calendar: SessionCalendar
) -> None:
    first, last = date(2016, 9, 1), date(2027, 9, 1)
    listed = {
        kind_and_expiry
        for on in calendar.dates
        if first <= on <= last
        for kind_and_expiry in listings.vix_expiries(on, last)
    }

    assert len(listed) > 500
    assert all(is_vix_monthly(calendar, day) is (kind is VIX) for kind, day in listed)
