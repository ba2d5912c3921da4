"""The MACD tilt (R-26): one more near call per unit after a bullish cross of VIX.

MACD(12, 26, 9) of the daily close; a cross counts at the first close after it. The tilt is bought
below VIX 20 within the budget, is counted apart from the base (A10) and is sold at a bearish cross
or when its ten sessions are over, whichever comes first; no cross touches the 4:4:2.
"""

from itertools import pairwise
from math import floor

import numpy as np

from market.quotes import FloatArray
from market.technical import macd
from strategies.base import HoldingKind, Layer, LayerPosition, View
from strategies.hedge_orders import TILT, UNTILT, Draft, buy, now
from strategies.hedge_params import AlvhParams
from strategies.ladder import Purchase, budget_used_frac, fits_budget, targets
from strategies.params import MethodParams
from strategies.recycling import let_go
from strategies.shopping import is_missing, pick_for
from strategies.sizing import units_wanted
from strategies.upkeep import BEARISH, BULLISH, is_bullish


def macd_crosses(closes: FloatArray, params: AlvhParams) -> tuple[str | None, ...]:
    """Return per session whether MACD crossed its signal line at that close, and which way.

    A cross is a change of sign between two closes that follow each other; sessions without a close
    and those before MACD has warmed up have none.
    """
    crosses: list[str | None] = [None] * len(closes)
    found = macd(closes, params.macd_fast, params.macd_slow, params.macd_signal)
    above = found.line - found.signal
    rows = np.flatnonzero(~np.isnan(above)).tolist()
    for before, row in pairwise(rows):
        if above[before] <= 0 < above[row]:
            crosses[row] = BULLISH
        elif above[before] >= 0 > above[row]:
            crosses[row] = BEARISH
    return tuple(crosses)


def tilt_contracts(view: View) -> int:
    """Return the calls held as a tilt."""
    return sum(position.contracts for position in _tilts(view))


def untilt(view: View, draft: Draft, params: MethodParams) -> None:
    """Add the sale of tilts whose time is over."""
    for position in _tilts(view):
        why = _end_of(view, position, params.alvh)
        if why:
            let_go(view, draft, position, UNTILT, why, params)


def _end_of(view: View, position: LayerPosition, params: AlvhParams) -> str:
    calendar = view.context.calendar
    held_for = calendar.index(view.session) - calendar.index(position.opened)
    if not params.tilt_enabled:
        return "tilts are switched off"
    if view.indicators.macd_cross == BEARISH:
        return "MACD crossed down"
    return f"a tilt of {held_for} sessions" if held_for >= params.tilt_sessions else ""


def tilt(view: View, draft: Draft, params: MethodParams) -> None:
    """Add one near call per unit on a bullish cross, when base and budget allow it."""
    if not is_bullish(view, params.alvh) or view.positions.hedge_memory.last_tilt == view.session:
        return
    count = floor(units_wanted(draft.plan, params.alvh)) - tilt_contracts(view)
    if count <= 0:
        return
    problem = _problem(view, draft, count, params)
    if problem:
        draft.notes.append(f"MACD crossed up, but {problem}")


def _problem(view: View, draft: Draft, count: int, params: MethodParams) -> str:
    """Add the tilt to the draft, or return what stands against it."""
    if draft.blocks:
        return draft.blocks[0].detail
    if is_missing(view, draft.plan, params.alvh):
        return "the base comes first"
    near = next(target for target in targets(params.alvh) if target.layer is Layer.NEAR)
    pick = pick_for(view, near, params)
    if isinstance(pick, str):
        return pick
    purchase = Purchase(pick, count)
    used = budget_used_frac(draft.paid_usd + purchase.cost_usd, draft.plan, params)
    if not fits_budget(used, params.alvh):
        return f"a tilt would lift paid premium to {used:.1%} of condor notional"
    step = buy(purchase, now(view), TILT, HoldingKind.TILT, " as MACD crossed up")
    draft.buy(purchase, step)
    return ""


def _tilts(view: View) -> list[LayerPosition]:
    return [each for each in view.positions.layers if each.kind is HoldingKind.TILT]
