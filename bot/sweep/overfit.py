"""How much of a best result is the choosing: three guards that stand beside every ranking.

- Deflated Sharpe ratio: the chance that the true Sharpe ratio is above what the best of N worthless
  trials would show (D. H. Bailey, M. López de Prado, "The Deflated Sharpe Ratio", Journal of
  Portfolio Management 40, 2014).
- Probability of backtest overfitting by combinatorially symmetric cross-validation: how often the
  best of one half of the time lands in the lower half of the other (D. H. Bailey, J. Borwein,
  M. López de Prado, Q. J. Zhu, "The Probability of Backtest Overfitting", Journal of Computational
  Finance 20, 2016).
- Walk-forward: choose on the past, trade the next fold, again and again.

Sharpe ratios here are per session, not yearly, unless the name says so.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from bot.study.statistics import SESSIONS_OF_YEAR, sharpe
from market.quotes import FloatArray

EULER = 0.5772156649015329
BLOCKS = 10
LEAST_ROWS_OF_BLOCK = 5
FOLDS = 5


def sharpe_per_session(changes: FloatArray) -> float:
    """Return the Sharpe ratio of daily changes, not annualised."""
    return sharpe(changes) / math.sqrt(SESSIONS_OF_YEAR)


def expected_best(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of `trials` worthless ones is expected to show, when
    they vary by `variance`."""
    from scipy.stats import norm  # noqa: PLC0415 - heavy, only when used

    if trials < 2 or variance <= 0.0:
        return 0.0
    first = norm.ppf(1.0 - 1.0 / trials)
    second = norm.ppf(1.0 - 1.0 / (trials * math.e))
    return float(math.sqrt(variance) * ((1.0 - EULER) * first + EULER * second))


def probabilistic_sharpe(
    ratio: float, benchmark: float, count: int, skewness: float, kurtosis: float
) -> float:
    """Return the chance that the true Sharpe ratio exceeds a benchmark, given `count` returns with
    this skewness and kurtosis (3 is normal)."""
    from scipy.stats import norm  # noqa: PLC0415 - heavy, only when used

    spread = 1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2
    return float(
        norm.cdf((ratio - benchmark) * math.sqrt(count - 1) / math.sqrt(max(spread, 1e-12)))
    )


def deflated_sharpe(changes: FloatArray, trials: FloatArray) -> float | None:
    """Return the deflated Sharpe ratio of one trial among `trials` (sessions × trials); None where
    the changes never vary."""
    ratio, count = sharpe_per_session(changes), len(changes)
    deviation = float(changes.std())
    if count < 3 or deviation <= 0.0:
        return None
    ratios = np.array([sharpe_per_session(column) for column in trials.T])
    benchmark = expected_best(len(ratios), float(ratios.var(ddof=1)) if len(ratios) > 1 else 0.0)
    standard = (changes - changes.mean()) / deviation
    return probabilistic_sharpe(
        ratio, benchmark, count, float((standard**3).mean()), float((standard**4).mean())
    )


def overfitting_probability(trials: FloatArray, blocks: int = BLOCKS) -> float | None:
    """Return how often the best of one half of the blocks ranks in the lower half on the others,
    of sessions × trials; None with fewer than two trials or too few sessions. Ties share ranks."""
    rows, count = trials.shape
    if count < 2 or rows < blocks * LEAST_ROWS_OF_BLOCK:
        return None
    parts = np.array_split(np.arange(rows), blocks)
    below = 0.0
    splits = list(itertools.combinations(range(blocks), blocks // 2))
    for chosen in splits:
        inside = np.concatenate([parts[block] for block in chosen])
        outside = np.concatenate([parts[block] for block in range(blocks) if block not in chosen])
        best = _ratios(trials[inside])
        winners = np.flatnonzero(best >= best.max() - 1e-12)
        later = _ratios(trials[outside])
        below += float(np.mean([_is_in_lower_half(later, winner) for winner in winners.tolist()]))
    return below / len(splits)


def _ratios(rows: FloatArray) -> FloatArray:
    deviation = rows.std(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.where(deviation > 0.0, rows.mean(axis=0) / deviation, 0.0)
    return found


def _is_in_lower_half(ratios: FloatArray, at: int) -> float:
    """Return 1 when the relative rank is at most ½, the logit of it at most 0; ties count half."""
    worse = float((ratios < ratios[at] - 1e-12).sum())
    equal = float((np.abs(ratios - ratios[at]) <= 1e-12).sum())
    rank = (worse + (equal + 1.0) / 2.0) / (len(ratios) + 1.0)
    return 1.0 if rank < 0.5 else 0.5 if rank == 0.5 else 0.0


@dataclass(frozen=True, slots=True)
class WalkForward:
    """What choosing by the past brought: yearly Sharpe ratio of the chosen, of the mean of all,
    and of the best in hindsight, over the same later folds; and which trial each fold chose."""

    chosen: float
    mean: float
    hindsight: float
    choices: tuple[int, ...]


def walk_forward(trials: FloatArray, folds: int = FOLDS) -> WalkForward | None:
    """Return the walk-forward result of sessions × trials, None with too few of either."""
    rows, count = trials.shape
    if count < 2 or rows < folds * LEAST_ROWS_OF_BLOCK:
        return None
    parts = np.array_split(np.arange(rows), folds)
    choices, taken = [], []
    for fold in range(1, folds):
        past = trials[: parts[fold][0]]
        choice = int(np.argmax(_ratios(past)))
        choices.append(choice)
        taken.append(trials[parts[fold], choice])
    later = trials[parts[1][0] :]
    every = [sharpe(column) for column in later.T]
    return WalkForward(
        sharpe(np.concatenate(taken)), float(np.mean(every)), max(every), tuple(choices)
    )
