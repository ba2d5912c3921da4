"""What the risk gate asks of the market before something is opened: prices, quotes, means.

Closing is never refused here: whoever wants out must get out, even on a poor quote.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from market.instruments import OptionContract
from market.orders import OrderIntent
from market.quotes import MarketSnapshot, Quote

ZERO = Decimal(0)
Quotes = Mapping[OptionContract, Quote]


def leg_quotes(intent: OrderIntent, snapshot: MarketSnapshot) -> Quotes:
    """Return the quotes of an order's legs as a snapshot shows them, alone or in a chain."""
    found: dict[OptionContract, Quote] = {}
    for leg in intent.legs:
        contract = leg.contract
        quote = snapshot.quotes.get(contract)
        if quote is None:
            chain = snapshot.chains.get((contract.trading_class, contract.expiry))
            quote = None if chain is None else chain.quote(contract.strike, contract.right)
        if quote is not None:
            found[contract] = quote
    return found


def unfit(
    intent: OrderIntent, quotes: Quotes, at: datetime, oldest: timedelta, widest_gap: timedelta
) -> tuple[str, str] | None:
    """Return (code, sentence) when the legs' quotes are missing, old or not of one time."""
    for leg in intent.legs:
        quote = quotes.get(leg.contract)
        if quote is None:
            return "NO_QUOTE", f"{leg.contract.symbol} has no quote"
        if at - quote.at > oldest:
            age = (at - quote.at).total_seconds()
            return "STALE", f"the quote of {leg.contract.symbol} is {age:.0f} s old"
    times = [quotes[leg.contract].at for leg in intent.legs]
    gap = max(times) - min(times)
    if gap > widest_gap:
        return "DESYNC", f"the quotes of its legs lie {gap.total_seconds():.1f} s apart"
    return None


def off_band(intent: OrderIntent, quotes: Quotes, share: Decimal, least: Decimal) -> str | None:
    """Return the sentence when a limit is further from the mid than the band allows.

    The band is a share of the legs' mids added up, and at least `least` points; a leg without a
    mid leaves the order unjudged.
    """
    mid = gross = ZERO
    for leg in intent.legs:
        quote = quotes.get(leg.contract)
        if quote is None or quote.mid is None:
            return None
        points = Decimal(str(round(quote.mid, 4)))
        mid -= leg.ratio * points
        gross += abs(leg.ratio) * points
    band = max(least, share * gross)
    distance = abs(intent.limit_credit - mid)
    if distance <= band:
        return None
    return (
        f"its limit {intent.limit_credit} is {distance:.2f} points from the mid {mid:.2f}, the band"
        f" is {band:.2f}"
    )


def quick_ratio(cash_usd: Decimal, hedge_usd: Decimal, at_risk_usd: Decimal) -> Decimal | None:
    """Return cash and half the hedge over what is at risk, None without risk (R-31)."""
    return None if at_risk_usd <= 0 else (cash_usd + hedge_usd / 2) / at_risk_usd
