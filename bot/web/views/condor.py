"""The condor page: strikes, distance to the shorts, the tent of its pay-off, P&L and greeks now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import sqrt

import numpy as np

from bot.web.facts import Facts
from bot.web.scene import Scene
from bot.web.views.overview import market
from bot.web.views.plain import Json, figure, instant, usd
from market.instruments import OptionContract, Right
from market.pricing import price, price_and_greeks
from market.quotes import Chain, FloatArray, MarketSnapshot, Quote
from strategies.base import CondorPosition

GRID_POINTS = 121
DOLLARS_PER_POINT = 100
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Terms:
    """What all legs of one expiry share: forward and spot in points, years, discount."""

    spx: float
    forward: float
    years: float
    discount: float
    atm_iv: float | None

    @property
    def sigma_points(self) -> float | None:
        """Return one standard deviation of SPX to expiry, points."""
        if self.atm_iv is None or self.years <= 0:
            return None
        return self.forward * self.atm_iv * sqrt(self.years)


def condor_page(facts: Facts, scene: Scene) -> Json:
    """Return the object of `/api/condor`."""
    positions = None if facts.book is None else facts.book.positions()
    condors = () if positions is None else positions.condors
    return {
        "seq": facts.seq,
        "now": instant(scene.now),
        "market": market(facts, scene),
        "condors": [condor_object(each, scene) for each in condors],
        "history": _history(facts),
    }


def condor_object(condor: CondorPosition, scene: Scene) -> Json:
    """Return one open condor; what needs a market is None without one."""
    snapshot = scene.snapshot
    quotes = {} if snapshot is None else quotes_of(condor, snapshot)
    terms = None if snapshot is None else terms_of(condor, snapshot, scene)
    value = _value_points(condor, quotes)
    credit = float(condor.credit)
    return {
        "campaign": condor.campaign,
        "opened": condor.opened.isoformat(),
        "expiry": condor.expiry.isoformat(),
        "quantity": condor.quantity,
        "credit_points": figure(credit, 4),
        "credit_usd": usd(credit * DOLLARS_PER_POINT * condor.quantity),
        "width_points": figure(condor.width_points, 2),
        "max_loss_usd": usd(condor.max_loss_usd),
        "lower_breakeven": _breakeven(condor.short_put, -credit),
        "upper_breakeven": _breakeven(condor.short_call, credit),
        "close_credit_points": figure(value, 4),
        "open_pnl_usd": (
            None if value is None else usd((credit + value) * DOLLARS_PER_POINT * condor.quantity)
        ),
        "sigma_points": None if terms is None else figure(terms.sigma_points, 2),
        "distances": [] if terms is None else _distances(condor, terms),
        "greeks": None if terms is None else _greeks(condor, quotes, terms),
        "legs": _legs(condor, quotes),
        "payoff": _payoff(condor, quotes, terms),
    }


def quotes_of(condor: CondorPosition, snapshot: MarketSnapshot) -> Mapping[OptionContract, Quote]:
    """Return the quotes of a condor's legs, as far as there are any."""
    found = {each: snapshot.quotes.get(each) for each, _ in condor.signed_contracts()}
    return {contract: quote for contract, quote in found.items() if quote is not None}


def terms_of(
    condor: CondorPosition,
    snapshot: MarketSnapshot,
    scene: Scene,
) -> Terms:
    """Return what the condor's legs share.

    Without the chain of its expiry SPX stands for the forward, which days before expiry it nearly
    is, and the vol of the series quoted nearest to it for that at the money.
    """
    short, spx = condor.shorts[0], snapshot.levels.spx
    chain = snapshot.chains.get((short.trading_class, condor.expiry))
    if chain is not None:
        return Terms(spx, chain.forward, chain.years, chain.discount, _atm_iv(chain))
    settles = scene.almanac.calendar.settles_at(short.trading_class, condor.expiry)
    years = max((settles - snapshot.at) / YEAR, 0.0)
    return Terms(spx, spx, years, 1.0, _nearest_iv(snapshot, short))


def _nearest_iv(snapshot: MarketSnapshot, of_series: OptionContract) -> float | None:
    """Return the vol of the series of one expiry that is quoted nearest to SPX."""
    vols = {
        abs(float(contract.strike) - snapshot.levels.spx): quote.iv
        for contract, quote in snapshot.quotes.items()
        if (contract.trading_class, contract.expiry) == (of_series.trading_class, of_series.expiry)
        and quote.iv is not None
    }
    return vols[min(vols)] if vols else None


def _atm_iv(chain: Chain) -> float | None:
    if not len(chain.strikes):
        return None
    row = int(np.abs(chain.strikes - chain.forward).argmin())
    return figure(float(chain.put_iv[row]), 6)


def _breakeven(short: OptionContract | None, shift: float) -> float | None:
    return None if short is None else figure(float(short.strike) + shift, 2)


def _value_points(condor: CondorPosition, quotes: Mapping[OptionContract, Quote]) -> float | None:
    """Return what closing one condor would bring at mids, points: below 0 it costs."""
    total = 0.0
    for contract, sign in condor.signed_contracts():
        quote = quotes.get(contract)
        if quote is None or quote.mid is None:
            return None
        total += sign * quote.mid
    return total


def _distances(condor: CondorPosition, terms: Terms) -> list[Json]:
    """Return how far SPX is from each short, points and standard deviations to expiry."""
    rows, sigma = list[Json](), terms.sigma_points
    for short in condor.shorts:
        gap = float(short.strike) - terms.spx
        points = -gap if short.right is Right.PUT else gap
        rows.append(
            {
                "right": "put" if short.right is Right.PUT else "call",
                "strike": float(short.strike),
                "points": figure(points, 2),
                "sigmas": figure(points / sigma, 3) if sigma else None,
            }
        )
    return rows


def _greeks(
    condor: CondorPosition, quotes: Mapping[OptionContract, Quote], terms: Terms
) -> Json | None:
    """Return greeks of the whole position in dollars, None when a vol is unknown."""
    legs = condor.signed_contracts()
    if terms.years <= 0 or any(
        contract not in quotes or quotes[contract].iv is None for contract, _ in legs
    ):
        return None
    signs = np.array([sign for _, sign in legs], dtype=np.float64)
    strikes = np.array([float(contract.strike) for contract, _ in legs])
    ivs = np.array([quotes[contract].iv for contract, _ in legs], dtype=np.float64)
    calls = np.array([contract.right is Right.CALL for contract, _ in legs])
    known = price_and_greeks(
        forward=terms.forward,
        strike=strikes,
        years=terms.years,
        iv=ivs,
        discount=terms.discount,
        right=calls,
    )
    size = DOLLARS_PER_POINT * condor.quantity

    def total(values: FloatArray, digits: int) -> float | None:
        return figure(float((signs * values).sum()) * size, digits)

    return {
        "delta_usd_per_point": total(known.delta, 2),
        "gamma_usd_per_point": total(known.gamma, 4),
        "theta_usd_per_day": total(known.theta_per_day, 2),
        "vega_usd_per_vol_point": total(known.vega_per_vol_point, 2),
    }


def _legs(condor: CondorPosition, quotes: Mapping[OptionContract, Quote]) -> list[Json]:
    rows = list[Json]()
    for contract, sign in condor.signed_contracts():
        quote = quotes.get(contract)
        rows.append(
            {
                "contract": contract.symbol,
                "position": sign * condor.quantity,
                "bid": None if quote is None else quote.bid,
                "ask": None if quote is None else quote.ask,
                "mid": None if quote is None else figure(quote.mid, 4),
                "iv": None if quote is None else figure(quote.iv, 4),
                "delta": None if quote is None else figure(quote.delta, 4),
            }
        )
    return rows


def _payoff(
    condor: CondorPosition, quotes: Mapping[OptionContract, Quote], terms: Terms | None
) -> Json:
    """Return profit in dollars over levels of SPX: at expiry, and now with vols unchanged."""
    strikes = [float(contract.strike) for contract, _ in condor.signed_contracts()]
    margin = float(condor.width_points)
    low, high = min(strikes) - margin, max(strikes) + margin
    if terms is not None:
        low, high = min(low, terms.spx - margin), max(high, terms.spx + margin)
    # The strikes themselves belong to the grid: the tent has its corners there.
    spx = np.union1d(np.linspace(low, high, GRID_POINTS), strikes)
    size, credit = DOLLARS_PER_POINT * condor.quantity, float(condor.credit)
    worth = np.zeros_like(spx)
    for contract, sign in condor.signed_contracts():
        gap = spx - float(contract.strike)
        worth += sign * np.maximum(gap if contract.right is Right.CALL else -gap, 0.0)
    now = _worth_now(condor, quotes, terms, spx)
    return {
        "spx": [figure(float(each), 2) for each in spx],
        "expiry_usd": [usd(float(each)) for each in (credit + worth) * size],
        "now_usd": None if now is None else [usd(float(each)) for each in (credit + now) * size],
    }


def _worth_now(
    condor: CondorPosition,
    quotes: Mapping[OptionContract, Quote],
    terms: Terms | None,
    spx: FloatArray,
) -> FloatArray | None:
    """Return the package's value in points over levels of SPX, each leg at its own vol."""
    if terms is None or terms.years <= 0:
        return None
    worth = np.zeros_like(spx)
    for contract, sign in condor.signed_contracts():
        quote = quotes.get(contract)
        if quote is None or quote.iv is None:
            return None
        worth += sign * price(
            forward=spx * (terms.forward / terms.spx),
            strike=float(contract.strike),
            years=terms.years,
            iv=quote.iv,
            discount=terms.discount,
            right=contract.right,
        )
    return worth


def _history(facts: Facts) -> list[Json]:
    """Return what became of the last entries, newest first."""
    entries = sorted(facts.entries.values(), key=lambda entry: entry.session, reverse=True)[:20]
    return [
        {
            "session": entry.session.isoformat(),
            "result": entry.result,
            "reason": entry.reason,
            "quantity": entry.quantity,
        }
        for entry in entries
    ]
