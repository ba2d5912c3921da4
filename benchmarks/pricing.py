"""A million Black-76 prices with greeks and implied vols: ours, QuantLib and vollib in one run.

    python -m benchmarks.pricing [--count 1000000] [--json]

The peers live in an environment of their own (`make peers`); without it only our figures and the
accuracy are told. A loop of a peer is measured on fewer options and compared by its rate. All rates
are of processor time, which other programs on the machine disturb the least.
"""

import json
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import mpmath  # type: ignore[import-untyped]  # published without types
import numpy as np

from benchmarks.figures import Figure, Told, has_miss, median_rate, parser_of, tell
from benchmarks.profiles import profile_of
from market import pricing
from market.implied_vol import implied_vol
from market.quotes import BoolArray, FloatArray

PEERS = Path(".clients/pricing-peers/bin/python")
SCRIPT = Path(__file__).with_name("pricing_peers.py")
ROUNDS = 5
ACCURATE_AMONG = 400
A_DAY = 1 / 365
SPAN = (A_DAY, 1.0)
RATE_BAR, QUANTLIB_BAR, ERROR_BAR = 2.5e6, 15.0, 1e-12
FAR_NOTE = (
    "Up to 3 deviations unless said. Far out, a day before expiry, a price is the difference of two"
    " numbers a thousand times its size, and three digits go with them."
)


@dataclass(frozen=True, slots=True)
class Options:
    """Columns of options without a discount."""

    forward: FloatArray
    strike: FloatArray
    years: FloatArray
    iv: FloatArray
    is_call: BoolArray

    def first(self, count: int) -> "Options":
        """Return the first few."""
        return Options(*(getattr(self, each.name)[:count] for each in fields(self)))


def options(count: int, years: tuple[float, float] = SPAN, most_sds: float = 3.0) -> Options:
    """Return out-of-the-money options on one forward, from a day to a year unless said."""
    drawn = np.random.default_rng(7)
    left = drawn.uniform(*years, count)
    iv = drawn.uniform(0.08, 0.9, count)
    forward = np.full(count, 5000.0)
    sds = drawn.uniform(-most_sds, most_sds, count)
    strike = forward * np.exp(sds * iv * np.sqrt(left))
    return Options(forward, strike, left, iv, sds > 0.0)


def priced(these: Options) -> pricing.PriceAndGreeks:
    """Return prices and greeks."""
    return pricing.price_and_greeks(
        forward=these.forward,
        strike=these.strike,
        years=these.years,
        iv=these.iv,
        right=these.is_call,
    )


def vols(these: Options, prices: FloatArray) -> FloatArray:
    """Return implied vols."""
    return implied_vol(
        price=prices,
        forward=these.forward,
        strike=these.strike,
        years=these.years,
        right=these.is_call,
    )


def ours(these: Options, count: int) -> dict[str, float]:
    """Return options a second, median of rounds: price and greeks, implied vol, both together."""
    first, second = [], []
    for _ in range(ROUNDS):
        begun = process_time()
        found = priced(these)
        between = process_time()
        vols(these, found.price)
        first.append((count, between - begun))
        second.append((count, process_time() - between))
    both = [(count, a[1] + b[1]) for a, b in zip(first, second, strict=True)]
    return {"greeks": median_rate(first), "vols": median_rate(second), "both": median_rate(both)}


def exact(forward: float, strike: float, years: float, iv: float, is_call: bool) -> mpmath.mpf:
    """Return a price to 50 digits."""
    sign = 1 if is_call else -1
    f, k = mpmath.mpf(forward), mpmath.mpf(strike)
    sd = mpmath.mpf(iv) * mpmath.sqrt(mpmath.mpf(years))
    d1 = mpmath.log(f / k) / sd + sd / 2
    return sign * (f * mpmath.ncdf(sign * d1) - k * mpmath.ncdf(sign * (d1 - sd)))


def errors(these: Options) -> tuple[float, float]:
    """Return the largest relative errors: of prices, and of vols found again from exact prices."""
    mpmath.mp.dps = 50
    few = these.first(ACCURATE_AMONG)
    rows = zip(*(getattr(few, each.name).tolist() for each in fields(few)), strict=True)
    true = np.array([float(exact(*row)) for row in rows])
    told, again = priced(few).price, vols(few, true)
    return float(np.max(np.abs(told / true - 1))), float(np.max(np.abs(again / few.iv - 1)))


def peers(these: Options) -> dict[str, float]:
    """Return options a second of each peer, or nothing where they are not at hand."""
    if not PEERS.exists():
        return {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "options.npz"
        np.savez(path, **{each.name: getattr(these, each.name) for each in fields(these)})
        told = subprocess.run([PEERS, SCRIPT, path], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found


def measured(count: int) -> Told:
    """Return all figures of pricing."""
    these = options(count)
    rates, (price_error, vol_error) = ours(these, count), errors(these)
    far_price_error, far_vol_error = errors(options(ACCURATE_AMONG, (A_DAY, A_DAY), 5.0))
    others = peers(these)
    figures = [
        Figure("price and greeks", rates["greeks"], "options/s"),
        Figure("implied vol", rates["vols"], "options/s"),
        Figure("price, greeks and implied vol together", rates["both"], "options/s", RATE_BAR),
        Figure("largest relative error of a price", price_error, "", ERROR_BAR, is_most=True),
        Figure("largest relative error of a vol", vol_error, "", ERROR_BAR, is_most=True),
        Figure(
            "the same of a vol, a day left, to 5 deviations", far_vol_error, "", ERROR_BAR, True
        ),
        Figure("the same of a price, a day left, to 5 deviations", far_price_error, ""),
    ]
    for name, rate in others.items():
        bar = QUANTLIB_BAR if name.startswith("QuantLib") else None
        figures.append(Figure(name, rate, "options/s"))
        figures.append(Figure(f"ours / {name}", rates["both"] / rate, "times", bar))
    notes = (FAR_NOTE,) if others else (FAR_NOTE, "The peers are not at hand: `make peers`.")
    profile: tuple[str, ...] = ()
    if has_miss(figures):
        profile = profile_of(lambda: vols(these, priced(these).price), 1, "for all")
    return Told(f"{count:,} options on one core", tuple(figures), notes, profile)


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    given = parser.parse_args()
    tell(given, measured(given.count))


if __name__ == "__main__":
    main()
