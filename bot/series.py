"""Which series of a run were recorded and which modelled, judged over the run's own sessions."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from market.family import VolFamily
from market.history import History
from market.listings import Listings
from market.quotes import BoolArray, FloatArray

REAL, MIXED, MODELLED, ABSENT, SYNTHETIC = "real", "mixed", "modelled", "absent", "synthetic"
# What stands in when a series is not recorded; the others are then simply not there.
HAS_MODEL = frozenset({"vix9d", "vix3m", "vix6m", "vvix", "vx", "rates", "vix_settlements"})


def series_of(
    history: History, family: VolFamily, listings: Listings, first: date, last: date
) -> dict[str, str]:
    """Return the state of each series from `first` to `last`, both sessions; those after the
    history are of a live run, which is told by where its history comes from.

    real: recorded on every row; mixed: on some, the others modelled or absent; modelled: on none,
    a model stands in; absent: on none, nothing stands in; synthetic: drawn.
    """
    # A live run goes past the history that it began with: what it then saw was the broker's own.
    is_live = last > history.sessions[history.last_index]
    if is_live or SYNTHETIC in history.provenance.values():
        return {
            name: MODELLED if state == ABSENT and name in HAS_MODEL else state
            for name, state in history.provenance.items()
        }
    rows = slice(history.index(first), history.index(last) + 1)
    recorded: dict[str, BoolArray] = {
        "spx": _known(history.spx_close[rows]),
        "vix": _known(history.vix_close[rows]),
        "rates": _known(history.rate_frac[rows]),
        **{name: ~mask[rows] for name, mask in family.is_modelled.items()},
        **_optional(history, rows),
        "spx_minutes": np.array([_has_bars(history, day) for day in history.sessions[rows]]),
        "reer": np.array([_has_reer(history, day) for day in history.sessions[rows]]),
        "vx": np.array([_has_curve(history, day) for day in history.sessions[rows]]),
        "vix_settlements": _settlements(history, listings, history.sessions[rows]),
    }
    return {name: _state(name, recorded.get(name)) for name in history.provenance}


def _known(column: FloatArray) -> BoolArray:
    return ~np.isnan(column)


def _optional(history: History, rows: slice) -> dict[str, BoolArray]:
    columns = {
        "vix1d": history.vix1d,
        "skew": history.skew,
        "breadth": history.advances,
    }
    return {name: _known(column[rows]) for name, column in columns.items() if column is not None}


def _has_reer(history: History, session: date) -> bool:
    return any(usable <= session for _, usable, _ in history.reer)


def _has_curve(history: History, session: date) -> bool:
    return history.vx is not None and history.vx.curve(session) is not None


def _has_bars(history: History, session: date) -> bool:
    return history.minutes is not None and history.minutes.has_spx(session)


def _settlements(history: History, listings: Listings, sessions: Sequence[date]) -> BoolArray:
    """Return of each monthly VIX expiry among the sessions whether its settlement is recorded."""
    known = set(sessions)
    expiries = {expiry for day in sessions[::15] for expiry in listings.vx_expiries(day, 2)} & known
    return np.array([expiry in history.vix_settlements for expiry in sorted(expiries)], dtype=bool)


def _state(name: str, recorded: BoolArray | None) -> str:
    if recorded is not None and len(recorded) and recorded.all():
        return REAL
    if recorded is not None and recorded.any():
        return MIXED
    return MODELLED if name in HAS_MODEL else ABSENT
