"""Set the synthetic market beside recorded SPX and VIX: print a table, draw a picture.

    python -m benchmarks.synthetic_facts DATA_FOLDER docs/images/synthetic_facts.png

Each figure is taken of the record of 1990-2026 and of each of 200 synthetic markets of the same
length and start; the table shows their median and the range that holds nine tenths of them.
"""

import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.synthetic_fit import FloatArray, Record, read_record
from market.synthetic import synthetic_paths
from market.synthetic_params import SyntheticParams

PATHS = 200
RANGE = (0.05, 0.95)
RECORDED, DRAWN = "#b5442e", "#2f5d8a"

Curve = Callable[[FloatArray, FloatArray], FloatArray]


def correlation(left: FloatArray, right: FloatArray, lag: int = 0) -> float:
    """Return how `left` goes with `right` so many sessions later."""
    early = left[: len(left) - lag]
    return float(np.corrcoef(early, right[len(right) - len(early) :])[0, 1])


def _moment(values: FloatArray, power: int) -> float:
    return float(((values - values.mean()) ** power).mean() / values.std() ** power)


def facts(spx: FloatArray, vix: FloatArray) -> dict[str, float]:
    """Return the figures of one market, whose keys are the rows of the table."""
    returns, log_vix = np.diff(np.log(spx)), np.log(vix)
    return {
        **dict(_of_returns(returns)),
        **dict(_of_vix(vix, log_vix)),
        **dict(_of_both(returns, vix, np.diff(log_vix))),
    }


def _of_returns(returns: FloatArray) -> Iterator[tuple[str, float]]:
    sizes = np.abs(returns)
    yield "volatility of SPX, % a year", returns.std() * np.sqrt(252) * 100
    yield "fourth moment of returns", _moment(returns, 4)
    yield "third moment of returns", _moment(returns, 3)
    for share in (0.001, 0.01, 0.05, 0.95, 0.99, 0.999):
        yield f"{share:.1%} quantile of returns, %", float(np.quantile(returns, share)) * 100
    for size in (1, 2, 3, 4):
        yield f"sessions beyond ±{size} %, %", float((sizes > size / 100).mean()) * 100
    for lag in (1, 5, 21, 63, 126):
        yield f"size of returns with size {lag} later", correlation(sizes, sizes, lag)
    for lag in (1, 5, 21):
        yield f"return with size {lag} later", correlation(returns, sizes, lag)
    yield "return with next return", correlation(returns, returns, 1)
    monthly = np.convolve(returns, np.ones(21), "valid")
    yield "third moment of 21-session returns", _moment(monthly, 3)
    yield "fourth moment of 21-session returns", _moment(monthly, 4)


def _of_vix(vix: FloatArray, log_vix: FloatArray) -> Iterator[tuple[str, float]]:
    for share in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99):
        yield f"{share:.0%} quantile of VIX", float(np.quantile(vix, share))
    yield "lowest VIX", float(vix.min())
    yield "highest VIX", float(vix.max())
    for level in (20, 30, 40):
        yield f"sessions with VIX above {level}, %", float((vix > level).mean()) * 100
    for lag in (1, 5, 21, 63, 252):
        yield f"log VIX with itself {lag} later", correlation(log_vix, log_vix, lag)
    yield "stdev of log VIX changes", float(np.diff(log_vix).std())
    yield "third moment of log VIX changes", _moment(np.diff(log_vix), 3)
    yield "fourth moment of log VIX changes", _moment(np.diff(log_vix), 4)
    yield "stdev of 21-session log VIX changes", float((log_vix[21:] - log_vix[:-21]).std())


def _of_both(
    returns: FloatArray, vix: FloatArray, vix_moves: FloatArray
) -> Iterator[tuple[str, float]]:
    points, before = np.diff(vix), vix[:-1]
    yield "returns with log VIX changes", correlation(returns, vix_moves)
    for size in (0.02, 0.03):
        bad = returns < -size
        per_percent = float((points[bad] / (-100 * returns[bad])).mean())
        yield f"VIX points per −1 % of SPX, sessions below −{size:.0%}", per_percent
        yield f"log VIX change, sessions below −{size:.0%}", float(vix_moves[bad].mean())
    yield "log VIX change, sessions above 2%", float(vix_moves[returns > 0.02].mean())
    for least, most in ((0, 15), (15, 20), (20, 30), (30, 100)):
        within = (before >= least) & (before < most)
        realised = np.sqrt((returns[within] ** 2).mean() * 252) * 100
        name = f"next-session volatility ÷ VIX, VIX {least} to {most}"
        yield name, float(realised / np.sqrt((before[within] ** 2).mean()))


def table(recorded: dict[str, float], drawn: list[dict[str, float]]) -> str:
    """Return the figures as a Markdown table; a star marks a record outside the range."""
    lines = ["| figure | 1990–2026 | synthetic, median | nine tenths of 200 |", "|---|---|---|---|"]
    for name, value in recorded.items():
        low, middle, high = np.quantile([one[name] for one in drawn], [RANGE[0], 0.5, RANGE[1]])
        star = "" if low <= value <= high else " *"
        lines.append(f"| {name} | {value:.3g}{star} | {middle:.3g} | {low:.3g} … {high:.3g} |")
    return "\n".join(lines).replace("| -", "| −").replace("… -", "… −") + "\n"


LAGS = np.array([1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 126, 180, 252])
SIZES = np.linspace(0.5, 9.0, 35)
LEVELS = np.linspace(9.0, 80.0, 72)
RETURN_EDGES = np.array([-8.0, -4, -3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 8])


def _falls(spx: FloatArray, _vix: FloatArray) -> FloatArray:
    returns = np.sort(-100 * np.diff(np.log(spx)))
    return np.asarray(1 - np.searchsorted(returns, SIZES) / len(returns))


def _clustering(spx: FloatArray, _vix: FloatArray) -> FloatArray:
    sizes = np.abs(np.diff(np.log(spx)))
    return np.array([correlation(sizes, sizes, lag) for lag in LAGS])


def _leverage(spx: FloatArray, _vix: FloatArray) -> FloatArray:
    returns = np.diff(np.log(spx))
    return np.array([correlation(returns, np.abs(returns), lag) for lag in LAGS])


def _reversion(_spx: FloatArray, vix: FloatArray) -> FloatArray:
    return np.array([correlation(np.log(vix), np.log(vix), lag) for lag in LAGS])


def _levels(_spx: FloatArray, vix: FloatArray) -> FloatArray:
    return np.asarray(1 - np.searchsorted(np.sort(vix), LEVELS) / len(vix))


def _response(spx: FloatArray, vix: FloatArray) -> FloatArray:
    returns, vix_moves = 100 * np.diff(np.log(spx)), 100 * np.diff(np.log(vix))
    place = np.digitize(returns, RETURN_EDGES)
    bins = (vix_moves[place == number] for number in range(1, len(RETURN_EDGES)))
    return np.array([values.mean() if len(values) else np.nan for values in bins])


_MIDDLES = (RETURN_EDGES[1:] + RETURN_EDGES[:-1]) / 2
_CURVES: tuple[tuple[str, str, FloatArray, Curve, dict[str, str]], ...] = (
    ("Falls of SPX: share of sessions beyond", "fall, %", SIZES, _falls, {"yscale": "log"}),
    ("VIX: share of sessions above", "VIX", LEVELS, _levels, {"yscale": "log"}),
    ("Clustering: |return| with |return| later", "sessions", LAGS, _clustering, {"xscale": "log"}),
    ("VIX: log with itself later", "sessions", LAGS, _reversion, {"xscale": "log"}),
    ("Leverage: return with |return| later", "sessions", LAGS, _leverage, {"xscale": "log"}),
    ("VIX change by return of SPX, log %", "return, %", _MIDDLES, _response, {}),
)


def draw(record: Record, spx: FloatArray, vix: FloatArray, path: Path) -> None:
    """Draw the curves of the record over those of the synthetic markets, and two VIX paths."""
    import matplotlib as mpl  # noqa: PLC0415  # heavy, and only a picture needs it

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(4, 2, figsize=(11, 14), layout="constrained")
    for axis, (title, label, places, curve, scales) in zip(axes.flat, _CURVES, strict=False):
        drawn = np.array([curve(*rows) for rows in zip(spx, vix, strict=True)])
        if scales.get("yscale"):
            drawn = np.where(drawn > 0, drawn, 1e-5)
        low, middle, high = np.nanquantile(drawn, [RANGE[0], 0.5, RANGE[1]], axis=0)
        axis.fill_between(places, low, high, color=DRAWN, alpha=0.2, linewidth=0)
        axis.plot(places, middle, color=DRAWN, label="synthetic, median and nine tenths")
        of_record = curve(record.spx, record.vix)
        axis.plot(places, np.where(of_record == 0, np.nan, of_record), ".-", color=RECORDED)
        axis.set(title=title, xlabel=label, **scales)
        if scales.get("yscale"):
            axis.set_ylim(1e-4, 1)
    axes[0, 0].plot([], [], ".-", color=RECORDED, label="recorded, 1990-2026")
    axes[0, 0].legend(frameon=False)
    _draw_paths(axes[3], record.vix, vix[7])
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def _draw_paths(axes: Any, recorded: FloatArray, drawn: FloatArray) -> None:
    named = (("VIX as recorded", recorded, RECORDED), ("VIX, synthetic, seed 7", drawn, DRAWN))
    for axis, (title, path, colour) in zip(axes, named, strict=True):
        axis.plot(np.arange(len(path)) / 252, path, color=colour, linewidth=0.6)
        axis.set(title=title, xlabel="years", ylim=(5, 92))


def main(data: Path, picture: Path) -> None:
    """Print the table and draw the picture."""
    text = (files("config") / "synthetic.toml").read_text(encoding="utf-8")
    record = read_record(data)
    start = {"start_spx": float(record.spx[0]), "start_vix": float(record.vix[0])}
    paths = synthetic_paths(PATHS, len(record.dates), 0, SyntheticParams.from_toml(text), **start)
    pairs = zip(paths.spx_close, paths.vix_close, strict=True)
    sys.stdout.write(table(facts(record.spx, record.vix), [facts(*pair) for pair in pairs]))
    draw(record, paths.spx_close, paths.vix_close, picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
