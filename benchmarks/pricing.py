"""A million Black-76 prices with greeks and implied vols: ours, QuantLib and vollib in one run.

    python -m benchmarks.pricing [--count 1000000] [--json]

The peers live in an environment of their own (`make peers`); without it only our figures and the
accuracy are told. A loop of a peer is measured on fewer options and compared by its rate.
"""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import mpmath
import numpy as np

from benchmarks.figures import Figure, Told, median_rate, parser_of, tell
from market import pricing
from market.quotes import FloatArray

PEERS = Path(".clients/pricing/bin/python")
SCRIPT = Path(__file__).with_name("pricing_peers.py")
ROUNDS = 5
ACCURATE_AMONG = 400
RATE_BAR, QUANTLIB_BAR, ERROR_BAR = 2.5e6, 15.0, 1e-12
BLOCK = 8192

Columns = dict[str, FloatArray]


def options(count: int) -> Columns:
    """Return out-of-the-money options on one forward, from a day to a year."""
    drawn = np.random.default_rng(7)
    years = drawn.uniform(1 / 365, 1.0, count)
    iv = drawn.uniform(0.08, 0.9, count)
    forward = np.full(count, 5000.0)
    sds = drawn.uniform(-3.0, 3.0, count)
    strike = forward * np.exp(sds * iv * np.sqrt(years))
    return {"forward": forward, "strike": strike, "years": years, "iv": iv, "is_call": sds > 0.0}


def prices_and_greeks(columns: Columns) -> FloatArray:
    """Return price, delta, gamma, theta and vega as rows."""
    right = columns["is_call"]
    known = {name: columns[name] for name in ("forward", "strike", "years", "iv")}
    return np.stack(
        [
            pricing.price(**known, right=right),
            pricing.delta(**known, right=right),
            pricing.gamma(**known),
            pricing.theta_per_day(**known, right=right),
            pricing.vega_per_vol_point(**known),
        ]
    )


def vols(columns: Columns, prices: FloatArray) -> FloatArray:
    """Return implied vols."""
    known = {name: columns[name] for name in ("forward", "strike", "years")}
    return pricing.implied_vol(price=prices, **known, right=columns["is_call"])


def blocks(columns: Columns, count: int) -> list[Columns]:
    """Return the columns in pieces that stay within the processor's cache."""
    starts = range(0, count, BLOCK)
    return [{name: column[at : at + BLOCK] for name, column in columns.items()} for at in starts]


def ours(columns: Columns, count: int) -> dict[str, float]:
    """Return options a second, median of rounds: price and greeks, implied vol, both together."""
    pieces = blocks(columns, count)
    first, second = [], []
    for _ in range(ROUNDS):
        begun = perf_counter()
        found = [prices_and_greeks(piece) for piece in pieces]
        between = perf_counter()
        for piece, rows in zip(pieces, found, strict=True):
            vols(piece, rows[0])
        first.append((count, between - begun))
        second.append((count, perf_counter() - between))
    both = [(count, a[1] + b[1]) for a, b in zip(first, second, strict=True)]
    return {"greeks": median_rate(first), "vols": median_rate(second), "both": median_rate(both)}


def exact(forward: float, strike: float, years: float, iv: float, is_call: bool) -> mpmath.mpf:
    """Return a price to 50 digits."""
    sign = 1 if is_call else -1
    f, k = mpmath.mpf(forward), mpmath.mpf(strike)
    sd = mpmath.mpf(iv) * mpmath.sqrt(mpmath.mpf(years))
    d1 = mpmath.log(f / k) / sd + sd / 2
    return sign * (f * mpmath.ncdf(sign * d1) - k * mpmath.ncdf(sign * (d1 - sd)))


def errors(columns: Columns) -> tuple[float, float]:
    """Return the largest relative errors: of prices, and of vols found again from exact prices."""
    mpmath.mp.dps = 50
    few = {name: column[:ACCURATE_AMONG] for name, column in columns.items()}
    rows = zip(*(few[name].tolist() for name in few), strict=True)
    true = np.array([float(exact(*row)) for row in rows])
    told = prices_and_greeks(few)[0]
    again = vols(few, true)
    return float(np.max(np.abs(told / true - 1))), float(np.max(np.abs(again / few["iv"] - 1)))


def peers(columns: Columns) -> dict[str, float]:
    """Return options a second of each peer, or nothing where they are not at hand."""
    if not PEERS.exists():
        return {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "options.npz"
        np.savez(path, **columns)  # type: ignore[arg-type]
        told = subprocess.run([PEERS, SCRIPT, path], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found


def measured(count: int) -> Told:
    """Return all figures of pricing."""
    columns = options(count)
    rates, (price_error, vol_error) = ours(columns, count), errors(columns)
    others = peers(columns)
    figures = [
        Figure("price and greeks", rates["greeks"], "options/s"),
        Figure("implied vol", rates["vols"], "options/s"),
        Figure("price, greeks and implied vol together", rates["both"], "options/s", RATE_BAR),
        Figure("largest relative error of a price", price_error, "", ERROR_BAR, is_most=True),
        Figure("largest relative error of a vol", vol_error, "", ERROR_BAR, is_most=True),
    ]
    for name, rate in others.items():
        bar = QUANTLIB_BAR if name.startswith("QuantLib") else None
        figures.append(Figure(name, rate, "options/s"))
        figures.append(Figure(f"ours / {name}", rates["both"] / rate, "times", bar))
    notes = () if others else ("The peers are not at hand: `make peers` installs them.",)
    return Told(f"{count:,} options on one core", tuple(figures), notes)


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    given = parser.parse_args()
    tell(given, measured(given.count))


if __name__ == "__main__":
    main()
