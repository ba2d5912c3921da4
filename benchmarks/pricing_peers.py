"""The peers of pricing.py: reads options from a .npz file, prints options a second as JSON.

Runs in the environment of `make peers`, which does not hold this project.
"""

import json
import sys
from collections.abc import Sequence
from time import process_time

import numpy as np

FEW = 20_000

Row = tuple[float, float, float, float, bool]


def quantlib(rows: Sequence[Row]) -> None:
    """Price, greeks and implied vol by QuantLib's Black calculator, one option at a time."""
    import QuantLib as ql  # noqa: N813, PLC0415 - the peer's own short name

    for forward, strike, years, iv, is_call in rows:
        kind = ql.Option.Call if is_call else ql.Option.Put
        sd = iv * years**0.5
        found = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, strike), forward, sd, 1.0)
        price = found.value()
        found.deltaForward()
        found.gammaForward()
        found.theta(forward, years)
        found.vega(years)
        ql.blackFormulaImpliedStdDev(kind, strike, forward, price, 1.0, 0.0, sd, 1e-12, 200)


def py_vollib(rows: Sequence[Row]) -> None:
    """Price, greeks and implied vol by py_vollib's Black model, one option at a time."""
    from py_vollib.black import black  # noqa: PLC0415
    from py_vollib.black.greeks import analytical  # noqa: PLC0415
    from py_vollib.black.implied_volatility import implied_volatility  # noqa: PLC0415

    for forward, strike, years, iv, is_call in rows:
        flag = "c" if is_call else "p"
        price = black(flag, forward, strike, years, 0.0, iv)
        for name in ("delta", "gamma", "theta", "vega"):
            getattr(analytical, name)(flag, forward, strike, years, 0.0, iv)
        implied_volatility(price, forward, strike, 0.0, years, flag)


def main() -> None:
    """Measure each peer that can be imported."""
    columns = np.load(sys.argv[1])
    names = ("forward", "strike", "years", "iv", "is_call")
    rows = list(zip(*(columns[name][:FEW].tolist() for name in names), strict=True))
    told = {}
    for name, run in (("QuantLib loop", quantlib), ("py_vollib loop", py_vollib)):
        try:
            run(rows[:10])
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        begun = process_time()
        run(rows)
        told[name] = len(rows) / (process_time() - begun)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
