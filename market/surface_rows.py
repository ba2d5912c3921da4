"""What options cost once their smile is known: the one kernel of whole chains and single quotes.

Rules of this file:
- `Terms` hold what the rows of one expiry share at one instant. Rows of several expiries are
  priced side by side by giving each row its own terms; a row costs the same in any company.
- A bid is rounded down and an ask up to a legal tick; a bid may be 0.
"""

import math
from collections.abc import Sequence
from datetime import date, datetime

import numpy as np

from market.instruments import TradingClass
from market.pricing import call_side
from market.quote_widths import HalfSpread
from market.quotes import Chain, FloatArray
from market.surface_params import VixSmile
from market.surface_smile import SmileShape
from market.tick_grids import TICK_SWITCH_POINTS, TickGrid
from market.values import value

_TICK_SLACK = 1e-9  # a price that stands on a tick but for rounding noise stays there


@value(frozen=True, slots=True)
class Expiry:
    """Which series a chain is made for, and how far away it is (act/365)."""

    trading_class: TradingClass
    expiry: date
    at: datetime
    years: float

    def __post_init__(self) -> None:
        if not self.years > 0.0:
            raise ValueError(f"{self.trading_class} {self.expiry} has no time left at {self.at}")


@value(frozen=True, slots=True)
class Terms:
    """What all rows of one expiry share: forward, discount, total at-the-money sd and quotes."""

    series: Expiry
    forward: float
    discount: float
    sd: float
    half: HalfSpread
    grid: TickGrid


@value(frozen=True, slots=True)
class SpxTerms(Terms):
    """The terms of an SPX expiry, with its smile."""

    shape: SmileShape


@value(frozen=True, slots=True)
class VixTerms(Terms):
    """The terms of a VIX expiry, with the bend of its call wing."""

    call_wing: float


# What the kernel reads of terms; of one expiry a number each, of many a column each.
_Columns = tuple[float | FloatArray, ...]


@value(frozen=True, slots=True)
class Rows:
    """Both sides of each row: bids and asks as (puts, calls), vols and call deltas; points."""

    bid: FloatArray
    ask: FloatArray
    iv: FloatArray
    put_delta: FloatArray
    call_delta: FloatArray


def chain_of(terms: Terms, strikes: FloatArray, smile: VixSmile, vol_factor: float) -> Chain:
    """Return the chain of one expiry at `strikes`."""
    log_moneyness = np.log(strikes / terms.forward)
    ratio = _vol_ratio((terms,), (len(strikes),), log_moneyness / terms.sd, smile)
    rows = _rows(_numbers(terms), strikes, log_moneyness, ratio, vol_factor)
    series = terms.series
    return Chain(
        trading_class=series.trading_class,
        expiry=series.expiry,
        at=series.at,
        forward=terms.forward,
        years=series.years,
        discount=terms.discount,
        strikes=strikes,
        put_bid=rows.bid[0],
        put_ask=rows.ask[0],
        call_bid=rows.bid[1],
        call_ask=rows.ask[1],
        put_iv=rows.iv,
        call_iv=rows.iv,
        put_delta=rows.put_delta,
        call_delta=rows.call_delta,
    )


def rows_of(
    expiries: Sequence[tuple[Terms, Sequence[float]]], smile: VixSmile, vol_factor: float
) -> Rows:
    """Return rows at the strikes of several expiries, one after the other; VIX comes last."""
    counts = [len(strikes) for _, strikes in expiries]
    strikes = np.array([strike for _, of_expiry in expiries for strike in of_expiry])
    table = np.array([_numbers(terms) for terms, _ in expiries])
    columns = tuple(np.repeat(table, counts, axis=0).T)
    log_moneyness = np.log(strikes / columns[0])
    z = log_moneyness / columns[2]
    ratio = _vol_ratio([terms for terms, _ in expiries], counts, z, smile)
    return _rows(columns, strikes, log_moneyness, ratio, vol_factor)


def _numbers(terms: Terms) -> tuple[float, ...]:
    half = terms.half
    root_years = math.sqrt(terms.series.years)
    return (
        terms.forward,
        terms.discount,
        terms.sd,
        half.base_points,
        half.root,
        half.in_money_root,
        terms.grid.per_point_below,
        terms.grid.per_point_from,
        root_years,
    )


def _vol_ratio(
    expiries: Sequence[Terms], counts: Sequence[int], z: FloatArray, smile: VixSmile
) -> FloatArray:
    """Return each row's vol relative to at-the-money: SPX by expiry, all VIX rows at once."""
    parts, start = [], 0
    wings: list[float] = []
    for terms, count in zip(expiries, counts, strict=True):
        if isinstance(terms, SpxTerms):
            parts.append(_spx_vol_ratio(terms.shape, z[start : start + count]))
            start += count
        elif isinstance(terms, VixTerms):
            wings += [terms.call_wing] * (1 if len(expiries) == 1 else count)
    if wings:
        call_wing = wings[0] if len(expiries) == 1 else np.array(wings)
        parts.append(_vix_vol_ratio(smile, z[start:], call_wing))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _spx_vol_ratio(shape: SmileShape, z: FloatArray) -> FloatArray:
    ratio = shape.variance_ratio(z)
    return np.sqrt(ratio, out=ratio)


def _vix_vol_ratio(smile: VixSmile, z: FloatArray, call_wing: float | FloatArray) -> FloatArray:
    """Return vol relative to at-the-money: rising to the right, level in both wings."""
    wing = np.where(z > 0.0, call_wing, smile.put_wing)
    ratio: FloatArray = np.tanh(smile.slope * z / wing)
    ratio *= wing
    ratio += 1.0
    return ratio


def _rows(
    columns: _Columns,
    strikes: FloatArray,
    log_moneyness: FloatArray,
    vol_ratio: FloatArray,
    vol_factor: float,
) -> Rows:
    forward, discount, sd, base_points, root, in_money_root, *per_point, root_years = columns
    total_sd = np.multiply(vol_ratio, sd, out=vol_ratio)
    if vol_factor != 1.0:
        total_sd *= vol_factor
    call, call_delta = call_side(
        forward=forward,
        strikes=strikes,
        log_moneyness=log_moneyness,
        total_sd=total_sd,
        discount=discount,
    )
    prices = np.empty((2, len(strikes)))
    prices[1] = call
    np.subtract(call, discount * (forward - strikes), out=prices[0])
    np.maximum(prices, 0.0, out=prices)
    put_delta = call_delta - discount
    half = np.sqrt(prices)
    half *= root
    half += base_points
    half += _in_money(put_delta, call_delta, in_money_root)
    bid, ask = _on_ticks(prices, half, *per_point)
    total_sd /= root_years
    return Rows(bid, ask, total_sd, put_delta, call_delta)


def _in_money(
    put_delta: FloatArray, call_delta: FloatArray, root: float | FloatArray
) -> FloatArray:
    """Return (root × delta)⁸ of both sides: three squarings cost less than any power."""
    extra = np.empty((2, len(call_delta)))
    np.multiply(put_delta, root, out=extra[0])
    np.multiply(call_delta, root, out=extra[1])
    extra *= extra
    extra *= extra
    extra *= extra
    return extra


def _on_ticks(
    prices: FloatArray,
    half: FloatArray,
    per_point_below: float | FloatArray,
    per_point_from: float | FloatArray,
) -> tuple[FloatArray, FloatArray]:
    sides = np.empty((2, *prices.shape))
    bid, ask = sides
    np.subtract(prices, half, out=bid)
    np.maximum(bid, 0.0, out=bid)
    np.add(prices, half, out=ask)
    pitch = np.where(sides < TICK_SWITCH_POINTS, per_point_below, per_point_from)
    sides *= pitch
    bid += _TICK_SLACK
    np.floor(bid, out=bid)
    ask -= _TICK_SLACK
    np.ceil(ask, out=ask)
    sides /= pitch
    return bid, ask
