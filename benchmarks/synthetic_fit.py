"""Fit the synthetic market to recorded SPX and VIX, and print its parameter file.

    python -m benchmarks.synthetic_fit DATA_FOLDER > config/synthetic.toml

Two steps, as in filtered historical simulation (Barone-Adesi, Giannopoulos and Vosper, 1999): the
equations of variance and of VIX by likelihood, then the joint law of what they leave unexplained.
That law is a mixture of normals, so that no recorded number is shipped.
"""

import csv
import sys
from dataclasses import dataclass
from datetime import date
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.signal import lfilter
from scipy.stats import t

FloatArray = npt.NDArray[np.float64]

FIRST_SESSION = date(1990, 1, 2)
FIRST_TRUE_OPEN = date(2008, 1, 2)  # before, SPX and VIX opens are mostly the prior close
COMPONENTS = 5
FAST_SESSIONS, SLOW_SESSIONS = (3, 5, 8), (42, 63, 126, 189, 252)
REFERENCE_VIX_POINTS = 17.0
SESSIONS_PER_YEAR = 252


@dataclass(frozen=True)
class Record:
    """Aligned daily columns: closes in points, `spy_gap` the overnight log return of SPY."""

    dates: list[date]
    spx: FloatArray
    spx_range: FloatArray
    vix: FloatArray
    vix_open: FloatArray
    spy_gap: FloatArray


def read_record(folder: Path) -> Record:
    """Return the sessions on which both SPX and VIX are recorded."""
    spx, vix = _rows(folder / "spx_daily.csv"), _rows(folder / "vix_daily.csv")
    spy = _rows(folder / "spy_daily_adj.csv", "_adj")
    dates = sorted(day for day in spx.keys() & vix.keys() if day >= FIRST_SESSION)
    gaps = {
        day: float(np.log(spy[day]["open"] / spy[before]["close"]))
        for before, day in pairwise(sorted(spy))
    }
    return Record(
        dates,
        np.array([spx[day]["close"] for day in dates]),
        np.array([np.log(spx[day]["high"] / spx[day]["low"]) for day in dates]),
        np.array([vix[day]["close"] for day in dates]),
        np.array([vix[day]["open"] for day in dates]),
        np.array([gaps.get(day, np.nan) for day in dates]),
    )


def _rows(path: Path, ending: str = "") -> dict[date, dict[str, float]]:
    wanted = ("open", "high", "low", "close")
    with path.open(encoding="utf-8", newline="") as file:
        return {
            date.fromisoformat(row["date"][:10]): {
                name: float(row[name + ending]) for name in wanted
            }
            for row in csv.DictReader(file)
            if row.get("is_nyse_session", "True") == "True"
            and all(row[name + ending] for name in wanted)
        }


@dataclass(frozen=True)
class VarianceFit:
    """The variance equation and the returns divided by what it expected."""

    drift: float
    bad_news: float
    memory: float
    vix_share: float
    vix_power: float
    log_likelihood: float
    variance: FloatArray
    shock: FloatArray

    @property
    def usual(self) -> float:
        """Return the daily variance that goes with a VIX standing still at its reference."""
        rest = 1 - self.memory - self.bad_news / 2
        return self.vix_share * (REFERENCE_VIX_POINTS / 100) ** 2 / SESSIONS_PER_YEAR / rest


def fit_variance(record: Record) -> VarianceFit:
    """Fit h' = b u² 1(u < 0) + m h + s i, by Student likelihood; i is a power of VIX.

    The likelihood leaves no weight to good news, so there is none in the equation.
    """
    returns = np.diff(np.log(record.spx))
    drift = float(returns.mean())
    surprise = returns - drift
    bad_news = np.minimum(surprise[:-1], 0.0) ** 2
    height = np.log(record.vix / REFERENCE_VIX_POINTS)

    def variance_of(bad: float, memory: float, share: float, power: float) -> FloatArray:
        scale = share * (REFERENCE_VIX_POINTS / 100) ** 2 / SESSIONS_PER_YEAR
        implied = scale * np.exp(2 * power * height)
        first = implied[0] / (1 - memory - bad / 2)
        return np.asarray(
            lfilter([1], [1, -memory], np.append(first, bad * bad_news + implied[1:-1]))
        )

    def loss(p: FloatArray) -> float:
        if min(p[:4]) <= 0 or p[1] + p[0] / 2 >= 1 or p[4] <= 2.1:
            return 1e10
        scale = np.sqrt(variance_of(p[0], p[1], p[2], p[3]) * (p[4] - 2) / p[4])
        return float(-np.sum(t.logpdf(surprise / scale, p[4]) - np.log(scale)))

    best = minimize(
        loss,
        [0.2, 0.77, 0.08, 1.0, 8.0],
        method="Nelder-Mead",
        options={"xatol": 1e-6, "maxiter": 5000, "maxfev": 5000},
    )
    bad, memory, share, power = (float(value) for value in best.x[:4])
    variance = variance_of(bad, memory, share, power)
    shock = surprise / np.sqrt(variance)
    return VarianceFit(
        drift, bad, memory, share, power, -float(best.fun), variance, np.asarray(shock)
    )


@dataclass(frozen=True)
class VixFit:
    """The equation of the log VIX and the standardised moves that it leaves."""

    fast_sessions: int
    slow_sessions: int
    long_run: float
    to_fast: float
    to_slow: float
    to_long_run: float
    shock_stdev: float
    spx_power: float
    vix_power: float
    fast_slope: float
    slow_slope: float
    shock: FloatArray


def fit_vix(record: Record, variance: VarianceFit) -> VixFit:
    """Fit the pulls of log VIX to a fast and a slow mean of itself and to its long run."""
    log_vix = np.log(record.vix)
    level = log_vix[:-1]
    pairs = product(FAST_SESSIONS, SLOW_SESSIONS)
    fast, slow = min(pairs, key=lambda pair: _pulled(log_vix, *pair)[1].var())
    weights, rest = _pulled(log_vix, fast, slow)
    constant, at_level, to_fast, to_slow = (float(value) for value in weights)
    to_long_run = -(at_level + to_fast + to_slow)
    spx_power, vix_power, scaled = _scaled(rest, level, variance)
    return VixFit(
        fast,
        slow,
        constant / to_long_run,
        to_fast,
        to_slow,
        to_long_run,
        float(scaled.std()),
        spx_power,
        vix_power,
        float(np.polyfit(level, _mean(log_vix, fast), 1)[0]),
        float(np.polyfit(level, _mean(log_vix, slow), 1)[0]),
        scaled / scaled.std(),
    )


def _scaled(
    rest: FloatArray, level: FloatArray, variance: VarianceFit
) -> tuple[float, float, FloatArray]:
    """Return the powers of SPX's stdev and of VIX with which shocks grow, and shocks without."""
    heights = np.column_stack(
        (np.log(variance.variance / variance.usual) / 2, level - np.log(REFERENCE_VIX_POINTS))
    )

    def loss(powers: FloatArray) -> float:
        growth = heights @ powers
        return float(np.log((rest * np.exp(-growth)).std()) + growth.mean())

    powers = minimize(loss, [0.7, -0.5], method="Nelder-Mead").x
    return float(powers[0]), float(powers[1]), np.asarray(rest * np.exp(-(heights @ powers)))


def _pulled(log_vix: FloatArray, fast: int, slow: int) -> tuple[FloatArray, FloatArray]:
    """Return the least-squares weights of 1, level, fast and slow mean, and what they leave."""
    level, moves = log_vix[:-1], np.diff(log_vix)
    means = [_mean(log_vix, fast), _mean(log_vix, slow)]
    design = np.column_stack([np.ones(len(level)), level, *means])
    weights = np.asarray(np.linalg.lstsq(design, moves, rcond=None)[0], dtype=np.float64)
    return weights, np.asarray(moves - design @ weights)


def _mean(log_vix: FloatArray, sessions: int) -> FloatArray:
    """Return the exponential mean up to the prior close of every move."""
    share = 1 / sessions
    start = [(1 - share) * log_vix[:21].mean()]
    return np.asarray(lfilter([share], [1, share - 1], log_vix, zi=start)[0][:-1])


@dataclass(frozen=True)
class Mixture:
    """Normal components of (SPX shock, VIX shock), most frequent first."""

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    @classmethod
    def fit(cls, pairs: FloatArray, count: int) -> "Mixture":
        """Return the mixture of greatest likelihood, by expectation and maximisation."""
        centre, spread = pairs.mean(axis=0), np.cov(pairs.T)
        shifts = np.linspace(0.0, -0.5, count)[:, None] * [1.0, -1.0]
        state = cls(
            np.full(count, 1 / count),
            centre + shifts,
            np.array([spread * factor for factor in np.geomspace(0.4, 6.0, count)]),
        )
        for _ in range(4000):
            state = state._improved(pairs)
        order = np.argsort(-state.weights)
        return cls(state.weights[order], state.means[order], state.covariances[order])

    def _improved(self, pairs: FloatArray) -> "Mixture":
        density = np.array(
            [
                weight * _normal_density(pairs - mean, covariance)
                for weight, mean, covariance in zip(
                    self.weights, self.means, self.covariances, strict=True
                )
            ]
        )
        share = density / density.sum(axis=0)
        total = share.sum(axis=1)
        means = share @ pairs / total[:, None]
        covariances = np.array(
            [
                (part[:, None] * (pairs - mean)).T @ (pairs - mean) / size
                for part, mean, size in zip(share, means, total, strict=True)
            ]
        )
        return Mixture(total / len(pairs), means, covariances)

    def standardised(self) -> "Mixture":
        """Return the mixture with means 0 and variances 1 as a whole."""
        centre = self.weights @ self.means
        around = self.means - centre
        variance = self.weights @ (np.diagonal(self.covariances, axis1=1, axis2=2) + around**2)
        scale = np.sqrt(variance)
        return Mixture(
            self.weights, around / scale, self.covariances / (scale[:, None] * scale[None, :])
        )


def _normal_density(pairs: FloatArray, covariance: FloatArray) -> FloatArray:
    solved = np.linalg.solve(covariance, pairs.T)
    exponent = -0.5 * (pairs.T * solved).sum(axis=0)
    return np.asarray(np.exp(exponent) / (2 * np.pi * np.sqrt(np.linalg.det(covariance))))


def fit_session(record: Record, variance: VarianceFit) -> dict[str, float]:
    """Fit what happens overnight, and how far a session runs beyond its open and close."""
    moves, stdev = np.diff(np.log(record.spx)), np.sqrt(variance.variance)
    usable = np.array([day >= FIRST_TRUE_OPEN for day in record.dates[1:]])
    usable &= ~np.isnan(record.spy_gap[1:])
    gap, move, unit = record.spy_gap[1:][usable], moves[usable], stdev[usable]
    weights = 1 / unit**2
    gap_share = float((weights * gap * move).sum() / (weights * move**2).sum())
    gap_stdev = float(((gap - gap_share * move) / unit).std())
    vix_gap = np.log(record.vix_open[1:] / record.vix[:-1])[usable]
    vix_move = np.diff(np.log(record.vix))[usable]
    vix_share = float(vix_gap @ vix_move / (vix_move @ vix_move))
    drawn = np.random.default_rng(1)
    up, down = (np.log(1 - drawn.random(len(gap))) for _ in range(2))
    goal = float((record.spx_range[1:][usable] / unit).mean())

    def miss(session_stdev: float) -> float:
        drift, term = move - gap, 2 * (session_stdev * unit) ** 2
        spread = np.sqrt(drift**2 - term * up) + np.sqrt(drift**2 - term * down)
        return float(((spread / 2 / unit).mean() - goal) ** 2)

    return {
        "gap_share": gap_share,
        "gap_stdev": gap_stdev,
        "session_stdev": float(minimize_scalar(miss, bounds=(0.2, 1.5), method="bounded").x),
        "vix_gap_share": vix_share,
        "vix_gap_stdev": float((vix_gap - vix_share * vix_move).std()),
    }


def parameter_file(record: Record) -> str:
    """Return the text of the parameter file."""
    variance = fit_variance(record)
    vix = fit_vix(record, variance)
    mixture = Mixture.fit(np.column_stack((variance.shock, vix.shock)), COMPONENTS).standardised()
    lines = [
        "# Parameters of the synthetic market: SPX and VIX drawn together, session by session.",
        "#",
        f"# Fitted by benchmarks/synthetic_fit.py on {len(variance.shock)} sessions,",
        f"# {record.dates[0]} ... {record.dates[-1]}; what each number does is told in",
        f"# docs/synthetic.md. Log likelihood of the returns {variance.log_likelihood:.0f}.",
        "",
        "[spx]",
        *_entries(
            drift_per_session=variance.drift,
            bad_news_weight=variance.bad_news,
            variance_memory=variance.memory,
            vix_share=variance.vix_share,
            vix_power=variance.vix_power,
        ),
        "",
        "[vix]",
        *_entries(
            long_run_points=float(np.exp(vix.long_run)),
            reference_points=REFERENCE_VIX_POINTS,
            fast_sessions=vix.fast_sessions,
            slow_sessions=vix.slow_sessions,
            pull_to_fast=vix.to_fast,
            pull_to_slow=vix.to_slow,
            pull_to_long_run=vix.to_long_run,
            shock_stdev=vix.shock_stdev,
            shock_spx_power=vix.spx_power,
            shock_vix_power=vix.vix_power,
            fast_slope=vix.fast_slope,
            slow_slope=vix.slow_slope,
        ),
        "",
        "# What the equations leave unexplained, in standard deviations of each: a mixture of",
        "# normals of (SPX shock, VIX shock). The last component is the jump days.",
        "[shocks]",
        *_mixture_entries(mixture),
        "",
        f"# Overnight moves and the path within a session, fitted from {FIRST_TRUE_OPEN} on.",
        "[session]",
        *_entries(**fit_session(record, variance)),
    ]
    return "\n".join(lines) + "\n"


def _entries(**values: float) -> list[str]:
    return [f"{name} = {float(f'{value:.5g}')!r}" for name, value in values.items()]


def _mixture_entries(mixture: Mixture) -> list[str]:
    stdevs = np.sqrt(np.diagonal(mixture.covariances, axis1=1, axis2=2))
    rows = {
        "frequency": mixture.weights,
        "spx_mean": mixture.means[:, 0],
        "spx_stdev": stdevs[:, 0],
        "vix_mean": mixture.means[:, 1],
        "vix_stdev": stdevs[:, 1],
        "correlation": mixture.covariances[:, 0, 1] / stdevs.prod(axis=1),
    }
    return [
        f"{name} = [{', '.join(f'{value:.4f}' for value in row)}]" for name, row in rows.items()
    ]


if __name__ == "__main__":
    sys.stdout.write(parameter_file(read_record(Path(sys.argv[1]))))
