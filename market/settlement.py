"""What a VIX series settles on where no final settlement value is recorded.

The special opening quotation is struck from the opening auction of SPX options and differs from the
first VIX print. Over 126 expiries of May 2004 to March 2015 and July 2026 it lay 0.35 points off on
average (2.3 % of VIX as a standard deviation, no bias, worst 1.64), and the shares of VIX have the
tails of a normal distribution (kurtosis 2.9; that of the points is 4.0).
"""

from datetime import date
from hashlib import blake2b
from statistics import NormalDist

OPENING_QUOTATION_SD_FRAC = 0.0234


def modelled_vix_settlement(vix_open: float, expiry: date, seed: int) -> float:
    """Return a settlement value in points: VIX at the open, off by a seeded draw."""
    key = f"{seed}|{expiry.isoformat()}|opening quotation".encode()
    word = int.from_bytes(blake2b(key, digest_size=6).digest(), "big")
    return vix_open * (1.0 + OPENING_QUOTATION_SD_FRAC * NormalDist().inv_cdf((word + 0.5) / 2**48))
