"""The fit of quote widths: from the model's own bid and ask its parameters return."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import duckdb
import numpy as np
import pytest

from market.calibration.chains import Snapshot
from market.calibration.notes import FitNote
from market.calibration.open_fit import fit_open, read_opening
from market.calibration.width_fit import fit_widths
from market.calibration.width_seen import SeenWidths, hour_at, seen_widths, width_errors
from market.errors import HistoryError
from market.instruments import TradingClass
from market.quote_widths import QuoteHour, WidthFactors
from market.quotes import Chain
from market.sessions import SessionCalendar
from market.surface import Expiry, Surface, VolState
from market.surface_params import SurfaceParams

FIRST_NOON = datetime(2024, 2, 5, 17, 0, tzinfo=UTC)
TO_CLOSE, TO_DAWN = timedelta(hours=4), timedelta(hours=19)
DAYS = (1, 7, 30)


@pytest.fixture(scope="module")
def params() -> SurfaceParams:
    return SurfaceParams.from_toml((files("config") / "surface.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(2019, 1, 2), date(2025, 12, 31))


class Maker:
    """Makes snapshots of the model's own chains, as a file of real ones would show them."""

    def __init__(self, params: SurfaceParams, calendar: SessionCalendar) -> None:
        self.surface = Surface(params)
        self.calendar = calendar

    def spx(self, at: datetime, vix: float, days: Sequence[int] = DAYS) -> Snapshot:
        vol = VolState(vix, vix, vix, vix, 95.0, 19.0)
        curve = self.surface.variance_curve(vol, spot=5000.0)
        chains = tuple(
            self.surface.chain(
                self.surface.spx_terms(
                    Expiry(TradingClass.SPXW, (at + timedelta(days=ahead)).date(), at, ahead / 365),
                    spot=5000.0,
                    rate_frac=0.04,
                    vol=vol,
                    at_money=curve.at_money(0.69 * ahead),
                    width_factors=self.factors(TradingClass.SPXW, at, vix),
                )
            )
            for ahead in days
        )
        return self.shown("SPX", at, vix, chains)

    def vix(self, at: datetime, vix: float) -> Snapshot:
        vol = VolState(vix, vix, vix, vix, 95.0, 19.0)
        chains = tuple(
            self.surface.chain(
                self.surface.vix_terms(
                    Expiry(kind, (at + timedelta(days=ahead)).date(), at, ahead / 365),
                    forward=vix + 1.0,
                    vol=vol,
                    rate_frac=0.04,
                    width_factors=self.factors(kind, at, vix),
                )
            )
            for kind in (TradingClass.VIX, TradingClass.VIXW)
            for ahead in (9, 30, 80)
        )
        return self.shown("VIX", at, vix, chains)

    def factors(self, kind: TradingClass, at: datetime, vix: float) -> WidthFactors:
        return self.surface.width_factors(kind, vix, at.year, hour_at(self.calendar, at))

    def shown(self, name: str, at: datetime, vix: float, chains: tuple[Chain, ...]) -> Snapshot:
        is_stale = hour_at(self.calendar, at).is_night
        two_sided = tuple(
            dataclasses.replace(
                chain,
                put_bid=np.where(chain.put_bid > 0.0, chain.put_bid, np.nan),
                call_bid=np.where(chain.call_bid > 0.0, chain.call_bid, np.nan),
            )
            for chain in chains
        )
        return Snapshot(f"{vix}", name, at, 5000.0, is_stale, two_sided, {})


def seen(sample: Sequence[Snapshot], calendar: SessionCalendar) -> list[SeenWidths]:
    levels = {snapshot.at: float(snapshot.name) for snapshot in sample}
    return seen_widths(sample, levels.__getitem__, calendar)


def noons(count: int) -> list[datetime]:
    """Return a noon a month."""
    return [FIRST_NOON + timedelta(days=28 * number) for number in range(count)]


def test_spx_widths_are_found_again(params: SurfaceParams, calendar: SessionCalendar) -> None:
    widths = dataclasses.replace(
        params.spx_quotes,
        base_points=0.06,
        root=0.05,
        in_money_frac=0.0004,
        vix_power=0.8,
        tenor_power=0.25,
        close_factor=1.6,
        night_factor=2.2,
    )
    maker = Maker(dataclasses.replace(params, spx_quotes=widths), calendar)
    at = noons(4)
    sample = [maker.spx(noon, vix) for noon, vix in zip(at, (14.0, 18.0, 24.0, 30.0), strict=True)]
    sample += [maker.spx(noon + TO_CLOSE, 20.0) for noon in at]
    sample.append(maker.spx(at[0] + TO_DAWN, 20.0))
    quotes = seen(sample, calendar)

    fitted, notes = fit_widths("spx_quotes", params.spx_quotes, quotes, quotes[:1])

    assert dataclasses.asdict(fitted) == dataclasses.asdict(widths) | {
        "base_points": pytest.approx(0.06, rel=0.1),
        "root": pytest.approx(0.05, rel=0.05),
        "in_money_frac": pytest.approx(0.0004, rel=0.05),
        "vix_power": pytest.approx(0.8, abs=0.05),
        "tenor_power": pytest.approx(0.25, abs=0.03),
        "close_factor": pytest.approx(1.6, rel=0.05),
        "night_factor": pytest.approx(2.2, rel=0.05),
    }
    assert [(note.part, note.count, note.held_out_count) for note in notes] == [
        ("spx_quotes", 8, 1),
        ("spx_quotes.in_money_frac", 8, 1),
        ("spx_quotes.night_factor", 1, 0),
    ]
    assert notes[0].sample == "snapshots of 2024-02-05 to 2024-04-29"
    assert max(note.error for note in notes) < 0.15


def test_vix_widths_are_found_again_with_their_weekly_series(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    widths = dataclasses.replace(
        params.vix_quotes,
        base_points=0.08,
        root=0.1,
        in_money_frac=0.01,
        tenor_power=0.3,
        weekly_factor=3.0,
        close_factor=1.5,
    )
    maker = Maker(dataclasses.replace(params, vix_quotes=widths), calendar)
    sample = [
        maker.vix(noon + wait, 20.0) for noon in noons(3) for wait in (0 * TO_CLOSE, TO_CLOSE)
    ]
    quotes = seen(sample, calendar)

    fitted, notes = fit_widths("vix_quotes", params.vix_quotes, quotes, ())

    assert dataclasses.asdict(fitted) == dataclasses.asdict(widths) | {
        "base_points": pytest.approx(0.08, rel=0.1),
        "root": pytest.approx(0.1, rel=0.05),
        "in_money_frac": pytest.approx(0.01, rel=0.1),
        "tenor_power": pytest.approx(0.3, abs=0.03),
        "weekly_factor": pytest.approx(3.0, rel=0.05),
        "close_factor": pytest.approx(1.5, rel=0.05),
    }
    assert [note.part for note in notes] == ["vix_quotes", "vix_quotes.in_money_frac"]


def test_what_a_sample_cannot_tell_stays_as_given(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    widths = dataclasses.replace(params.spx_quotes, base_points=0.06, root=0.05)
    maker = Maker(dataclasses.replace(params, spx_quotes=widths), calendar)
    sample = [maker.spx(noon, 17.0, (7,)) for noon in noons(2)]
    given = dataclasses.replace(params.spx_quotes, tenor_power=0.5, close_factor=7.0)

    fitted, _ = fit_widths("spx_quotes", given, seen(sample, calendar), ())

    told = {"base_points", "root", "in_money_frac"}
    assert {
        name for name, value in dataclasses.asdict(fitted).items() if value != getattr(given, name)
    } == told
    assert fitted.root == pytest.approx(0.05, rel=0.1)


def test_without_live_chains_since_2022_widths_stay(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    now = Maker(params, calendar).spx(FIRST_NOON, 17.0)
    stale = dataclasses.replace(now, is_stale=True)
    early = dataclasses.replace(now, at=datetime(2020, 9, 4, 20, 0, tzinfo=UTC))
    empty = dataclasses.replace(now, chains=())

    quotes = seen([stale, early, empty], calendar)

    assert quotes == []
    assert fit_widths("spx_quotes", params.spx_quotes, quotes, ()) == (params.spx_quotes, ())


def test_the_grid_of_the_quotes_is_seen_in_them(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    sample = Maker(params, calendar).spx(FIRST_NOON, 17.0)
    cents = tuple(
        dataclasses.replace(chain, put_ask=np.round(chain.put_ask + 0.01, 2))
        for chain in sample.chains
    )

    (coarse,) = seen([sample], calendar)
    (fine,) = seen([dataclasses.replace(sample, chains=cents)], calendar)

    mid, half, tick = (coarse.column(name) for name in ("mid", "half", "tick"))
    assert set(tick[mid + half < 3.0].tolist()) == {0.05}
    assert set(tick[mid - half >= 3.0].tolist()) == {0.10}
    assert set(fine.column("tick").tolist()) == {0.01}


@pytest.mark.parametrize(
    ("at", "hour"),
    [
        (datetime(2024, 3, 4, 15, 0, tzinfo=UTC), QuoteHour(30.0, 360.0)),
        (datetime(2024, 3, 4, 21, 15, tzinfo=UTC), QuoteHour(405.0, -15.0)),
        (datetime(2024, 3, 4, 12, 0, tzinfo=UTC), QuoteHour(4170.0, -3780.0)),
        (datetime(2024, 7, 3, 17, 0, tzinfo=UTC), QuoteHour(210.0, 0.0)),
    ],
    ids=["morning", "after the close", "Monday before the open", "half day"],
)
def test_the_hour_is_that_of_the_session_that_opened_last(
    calendar: SessionCalendar, at: datetime, hour: QuoteHour
) -> None:
    assert hour_at(calendar, at) == hour


def test_errors_of_widths_are_told_by_part(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    maker = Maker(params, calendar)
    sample = [maker.vix(FIRST_NOON, 17.0), maker.vix(FIRST_NOON + TO_DAWN, 17.0)]
    narrow = dataclasses.replace(params.vix_quotes, night_factor=0.2)

    told = width_errors(params.vix_quotes, seen(sample, calendar), "VIX")
    missed = width_errors(narrow, seen(sample, calendar), "VIX")

    assert (told["unit"], told["snapshots"], told["night_snapshots"]) == (
        "logs of the half spread",
        1,
        1,
    )
    names = ("out_of_the_money", "in_the_money", "calls_5_to_50_delta")
    assert max(told[name] for name in (*names, "night")) < 0.35
    assert [missed[name] for name in names] == [told[name] for name in names]
    assert missed["night"] > 2.0 * told["night"]
    assert width_errors(params.spx_quotes, [], "SPX") == {
        "unit": "logs of the half spread",
        "snapshots": 0,
        "out_of_the_money": None,
        "in_the_money": None,
        "night_snapshots": 0,
        "night": None,
    }


def minute_file(path: Path, open_factor: float) -> Path:
    """Write quotes by the minute of two contracts on two days, wide in the first ten minutes."""
    width = f"(1 + {open_factor - 1.0} * greatest(1 - minute / 10.0, 0)) * sqrt(20.0)"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT TIMESTAMP '2021-01-04 09:30:00' + to_days(day::INTEGER)"
            f" + to_minutes(minute) AS ts, 'SPXW' AS root, DATE '2021-01-08' AS expiry, strike,"
            f" 'P' AS \"right\", 20 - 0.1 * {width} AS bid, 20 + 0.1 * {width} AS ask"
            f" FROM range(0, 390) AS m(minute), range(0, 2) AS d(day),"
            f" (VALUES (3700.0), (3800.0), (3850.0), (3900.0), (3950.0), (4000.0)) AS s(strike))"
            f" TO '{path}' (FORMAT parquet)"
        )
    return path


def test_the_factor_of_the_open_is_found_again(tmp_path: Path, params: SurfaceParams) -> None:
    opening = read_opening(minute_file(tmp_path / "minutes.parquet", 1.8))

    fitted, (note,) = fit_open("spx_quotes", params.spx_quotes, opening)

    assert opening.days == (date(2021, 1, 4), date(2021, 1, 5))
    assert fitted.open_factor == pytest.approx(1.8, abs=1e-6)
    assert dataclasses.replace(fitted, open_factor=1.59) == params.spx_quotes
    assert (note.part, note.count) == ("spx_quotes.open_factor", 120)
    assert note.error == pytest.approx(0.0, abs=1e-6)


def test_few_minutes_leave_the_open_as_given(tmp_path: Path, params: SurfaceParams) -> None:
    opening = read_opening(minute_file(tmp_path / "minutes.parquet", 1.8))
    few = dataclasses.replace(opening, since_open=opening.since_open[:9], extra=opening.extra[:9])

    assert fit_open("spx_quotes", params.spx_quotes, few) == (params.spx_quotes, ())


def test_a_file_that_holds_no_minutes_is_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "minutes.parquet"
    path.write_text("ts,bid\n", encoding="utf-8")

    with pytest.raises(HistoryError, match=r"^minutes\.parquet cannot be read as quotes by the"):
        read_opening(path)


def test_a_note_is_one_line_of_words() -> None:
    note = FitNote("family.vvix", "closes", 1200, "as a fraction", 0.0802, 0.0895, 600)

    assert note.line() == (
        "family.vvix: 1200 closes; median error 0.0802, 0.0895 on 600 held out, as a fraction"
    )
    assert dataclasses.replace(note, held_out=None).line() == (
        "family.vvix: 1200 closes; median error 0.0802 as a fraction"
    )
