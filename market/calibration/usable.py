"""Which quotes of a real chain pin a vol down."""

import numpy as np

from market.quotes import BoolArray, Chain

_WIDEST_QUOTE_FRAC = 0.35
_LEAST_STRIKES = 6


def usable(chain: Chain) -> BoolArray:
    """Return which strikes of a real chain have a vol that its quotes pin down."""
    is_call = chain.strikes >= chain.forward
    bid = np.where(is_call, chain.call_bid, chain.put_bid)
    ask = np.where(is_call, chain.call_ask, chain.put_ask)
    with np.errstate(invalid="ignore"):
        is_narrow = (ask - bid) < _WIDEST_QUOTE_FRAC * (ask + bid)
    return np.asarray(is_narrow & ~np.isnan(chain.call_iv))


def at_money_iv(chain: Chain) -> float | None:
    """Return the vol of a real chain at its forward, None where too few strikes are usable."""
    kept = usable(chain)
    if kept.sum() < _LEAST_STRIKES:
        return None
    return float(np.interp(chain.forward, chain.strikes[kept], chain.call_iv[kept]))
