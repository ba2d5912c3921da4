"""The fit of quote widths: from the model's own bid and ask its parameters return."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import numpy as np
import pytest

from market.calibration.chains import Snapshot
from market.calibration.notes import FitNote
from market.calibration.width_fit import fit_widths, seen_widths
from market.instruments import TradingClass
from market.surface import Surface, VolState
from market.surface_params import SurfaceParams

FIRST_NOON = datetime(2024, 3, 4, 17, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def params() -> SurfaceParams:
    return SurfaceParams.from_toml((files("config") / "surface.toml").read_text(encoding="utf-8"))


def snapshots(params: SurfaceParams, levels: Sequence[float]) -> list[Snapshot]:
    """Return a snapshot a month with SPX chains of the model, each at a level of VIX."""
    found = []
    for number, vix in enumerate(levels):
        at = FIRST_NOON + timedelta(days=31 * number)
        vol = VolState(vix, vix, vix, vix, 95.0, 19.0)
        chains = tuple(
            Surface(params).spx_chain(
                trading_class=TradingClass.SPXW,
                expiry=(at + timedelta(days=days)).date(),
                at=at,
                spot=5000.0,
                rate_frac=0.04,
                years=days / 365.0,
                sessions_left=days * 0.69,
                vol=vol,
            )
            for days in (1, 7, 30)
        )
        found.append(Snapshot(f"{vix}", "SPX", at, 5000.0, False, chains, {}))
    return found


def vix_of(sample: Sequence[Snapshot]) -> dict[datetime, float]:
    return {snapshot.at: float(snapshot.name) for snapshot in sample}


def test_widths_are_found_again_with_their_power_of_vix(params: SurfaceParams) -> None:
    widths = dataclasses.replace(params.spx_quotes, base_points=0.06, root=0.05, vix_power=0.8)
    sample = snapshots(dataclasses.replace(params, spx_quotes=widths), (14.0, 18.0, 24.0, 30.0))
    seen = seen_widths(sample, vix_of(sample).__getitem__)

    fitted, notes = fit_widths("spx_quotes", params.spx_quotes, seen, seen[:1])

    assert fitted.base_points == pytest.approx(0.06, rel=0.15)
    assert fitted.root == pytest.approx(0.05, rel=0.05)
    assert fitted.vix_power == pytest.approx(0.8, abs=0.05)
    (note,) = notes
    assert note.sample == "snapshots of 2024-03-04 to 2024-06-05"
    assert (note.part, note.count, note.held_out_count) == ("spx_quotes", 4, 1)
    assert note.error < 0.15


def test_one_level_of_vix_leaves_the_power_as_given(params: SurfaceParams) -> None:
    widths = dataclasses.replace(params.spx_quotes, base_points=0.06, root=0.05)
    sample = snapshots(dataclasses.replace(params, spx_quotes=widths), (17.0, 18.0))
    seen = seen_widths(sample, vix_of(sample).__getitem__)

    fitted, _ = fit_widths("spx_quotes", params.spx_quotes, seen, ())

    assert fitted.vix_power == params.spx_quotes.vix_power
    assert fitted.root == pytest.approx(0.05, rel=0.05)


def test_without_live_chains_since_2022_widths_stay(params: SurfaceParams) -> None:
    (now,) = snapshots(params, (17.0,))
    stale = dataclasses.replace(now, is_stale=True)
    early = dataclasses.replace(now, at=datetime(2020, 9, 4, 20, 0, tzinfo=UTC))
    empty = dataclasses.replace(now, chains=())
    seen = seen_widths([stale, early, empty], lambda _at: 17.0)

    assert seen == []
    assert fit_widths("spx_quotes", params.spx_quotes, seen, ()) == (params.spx_quotes, ())


def test_the_grid_of_the_quotes_is_seen_in_them(params: SurfaceParams) -> None:
    (sample,) = snapshots(params, (17.0,))
    cents = tuple(
        dataclasses.replace(chain, put_ask=np.round(chain.put_ask + 0.01, 2))
        for chain in sample.chains
    )

    (coarse,) = seen_widths([sample], lambda _at: 17.0)
    (fine,) = seen_widths([dataclasses.replace(sample, chains=cents)], lambda _at: 17.0)

    is_low = coarse.mid + coarse.half < 3.0
    assert set(coarse.tick[is_low].tolist()) == {0.05}
    assert set(coarse.tick[coarse.mid - coarse.half >= 3.0].tolist()) == {0.10}
    assert set(fine.tick.tolist()) == {0.01}


def test_a_note_is_one_line_of_words() -> None:
    note = FitNote("family.vvix", "closes", 1200, "as a fraction", 0.0802, 0.0895, 600)

    assert note.line() == (
        "family.vvix: 1200 closes; median error 0.0802, 0.0895 on 600 held out, as a fraction"
    )
    assert dataclasses.replace(note, held_out=None).line() == (
        "family.vvix: 1200 closes; median error 0.0802 as a fraction"
    )
