"""A chain made of lines: sides, vols and deltas per strike, the forward by put-call parity.

Rows that were not asked for, or whose quote has a veto, are NaN: nothing can be traded on them.
Only the side that is out of the money is asked for, and a few strikes beyond the money for parity;
an in-the-money vol is that of the same strike's other side. VIX calls are asked for by parts, away
from the money, until nobody bids for them or their delta is below all that is aimed for: no rule
trades what lies beyond.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from statistics import median
from typing import Any

import numpy as np

from brokers.ib.shown import LineShown
from market.instruments import OptionContract, Right, TradingClass
from market.quotes import Chain, FloatArray

PARITY_STRIKES = 3
NEAR_LEVELS = 2.0  # the first part of VIX calls, in levels of VIX
PART_STRIKES = 16
FAR_STRIKES = 3  # so many in a row must be of no use: one may be a quote that is missing
MOST_MISS_FRAC = 0.05
SIDE_NAMES = {Right.CALL: "call", Right.PUT: "put"}
SHOWN_NAMES = ("bid", "ask", "iv", "delta")


def wanted_series(
    listed: Iterable[OptionContract], level: float, width_frac: float
) -> list[OptionContract]:
    """Return the series of one expiry whose quotes a chain needs, by strike and right.

    VIX calls are wanted however far: the hedge lives there.
    """
    rows = sorted(listed, key=lambda c: (c.strike, c.right))
    near = _nearest_strikes(rows, level)
    return [contract for contract in rows if _is_wanted(contract, level, width_frac, near)]


def wanted_parts(
    listed: Iterable[OptionContract], level: float, width_frac: float
) -> list[list[OptionContract]]:
    """Return the wanted series in parts, to be looked at in turn until one reaches far enough."""
    wanted = wanted_series(listed, level, width_frac)
    near = [contract for contract in wanted if not _is_vix_above(contract, NEAR_LEVELS * level)]
    far = [contract for contract in wanted if _is_vix_above(contract, NEAR_LEVELS * level)]
    starts = range(0, len(far), PART_STRIKES)
    return [near, *(far[start : start + PART_STRIKES] for start in starts)]


def _is_vix_above(contract: OptionContract, strike: float) -> bool:
    return contract.spec.underlying == "VIX" and float(contract.strike) > strike


def is_far_out(shown: Mapping[OptionContract, LineShown], level: float, least_delta: float) -> bool:
    """Tell whether the furthest VIX calls seen are of no use, so that all beyond them are.

    A line that stays silent counts as one without a bid: beyond it others would be waited for.
    """
    calls = [c for c in shown if c.right is Right.CALL and _is_vix_above(c, level)]
    furthest = sorted(calls, key=lambda c: c.strike)[-FAR_STRIKES:]
    return len(furthest) == FAR_STRIKES and all(
        _is_useless(shown[c], least_delta) for c in furthest
    )


def _is_useless(line: LineShown, least_delta: float) -> bool:
    bid, delta = line.get("bid"), line.get("delta")
    return not bid or (delta is not None and delta < least_delta)


def _nearest_strikes(rows: list[OptionContract], level: float) -> set[Decimal]:
    strikes = sorted({c.strike for c in rows}, key=lambda strike: abs(float(strike) - level))
    return set(strikes[:PARITY_STRIKES])


def _is_wanted(
    contract: OptionContract, level: float, width_frac: float, near: set[Decimal]
) -> bool:
    strike = float(contract.strike)
    if contract.strike in near:
        return True
    if contract.spec.underlying == "VIX":
        return contract.right is Right.CALL and strike > 0.5 * level
    is_out = strike < level if contract.right is Right.PUT else strike > level
    return is_out and abs(strike / level - 1.0) <= width_frac


def parity_forward(
    shown: Mapping[OptionContract, LineShown], level: float, discount: float
) -> float | None:
    """Return the forward that puts and calls of the strikes nearest the level agree on.

    F = K + (C − P) / D at mid; the median of a few strikes. Without both sides anywhere it is the
    model's own price of the underlying, None when that is absent too or far off.
    """
    strikes = {c.strike for c in shown}
    found = []
    for strike in sorted(strikes, key=lambda each: abs(float(each) - level)):
        mids = {c.right: _mid(line) for c, line in shown.items() if c.strike == strike}
        call, put = mids.get(Right.CALL), mids.get(Right.PUT)
        if call is not None and put is not None:
            found.append(float(strike) + (call - put) / discount)
        if len(found) == PARITY_STRIKES:
            break
    if found:
        return median(found)
    told = [line.get("forward") for line in shown.values()]
    known = [forward for forward in told if forward is not None and forward > 0]
    return median(known) if known else None


def _mid(line: LineShown) -> float | None:
    bid, ask = line.get("bid"), line.get("ask")
    if bid is None or ask is None or bid > ask or bid <= 0:
        return None
    return 0.5 * (bid + ask)


def build_chain(
    key: tuple[TradingClass, date],
    shown: Mapping[OptionContract, LineShown],
    *,
    at: datetime,
    forward: float,
    years: float,
    discount: float,
    usable: Callable[[LineShown], bool],
) -> Chain:
    """Return the chain of what the lines showed."""
    strikes = sorted({c.strike for c in shown})

    def column(right: Right, name: str) -> FloatArray:
        rows = (shown.get(OptionContract(*key, strike, right)) for strike in strikes)
        values = (None if line is None or not usable(line) else line.get(name) for line in rows)
        return np.array([np.nan if value is None else value for value in values])

    put_iv, call_iv = column(Right.PUT, "iv"), column(Right.CALL, "iv")
    return Chain(
        trading_class=key[0],
        expiry=key[1],
        at=at,
        forward=forward,
        years=years,
        discount=discount,
        strikes=np.array([float(strike) for strike in strikes]),
        put_bid=column(Right.PUT, "bid"),
        put_ask=column(Right.PUT, "ask"),
        call_bid=column(Right.CALL, "bid"),
        call_ask=column(Right.CALL, "ask"),
        put_iv=np.where(np.isnan(put_iv), call_iv, put_iv),
        call_iv=np.where(np.isnan(call_iv), put_iv, call_iv),
        put_delta=column(Right.PUT, "delta"),
        call_delta=column(Right.CALL, "delta"),
    )


def with_lines(
    chain: Chain, shown: Mapping[OptionContract, LineShown], usable: Callable[[LineShown], bool]
) -> Chain:
    """Return the chain with the rows of lines that were read again since."""
    key = chain.trading_class, chain.expiry
    renewed = {c: line for c, line in shown.items() if (c.trading_class, c.expiry) == key}
    columns: dict[str, Any] = {}
    for contract, line in renewed.items():
        row, is_usable = chain.row(contract.strike), usable(line)
        for name in SHOWN_NAMES if row is not None else ():
            column = f"{SIDE_NAMES[contract.right]}_{name}"
            value = line.get(name) if is_usable else None
            columns.setdefault(column, getattr(chain, column).copy())
            columns[column][row] = np.nan if value is None else value
    return replace(chain, **columns)
