"""Guards against overfitting, on published numbers and on trials whose truth is known."""

import numpy as np
import pytest

from bot.sweep.overfit import (
    deflated_sharpe,
    expected_best,
    overfitting_probability,
    probabilistic_sharpe,
    walk_forward,
)


def test_the_deflated_sharpe_ratio_of_the_published_example() -> None:
    """Bailey and López de Prado 2014, numerical example: 100 trials whose yearly Sharpe ratios vary
    by ½, a best one of 2.5 over 1,250 days of 250 a year, skewness −3, kurtosis 10."""
    benchmark = expected_best(100, 0.5 / 250)

    chance = probabilistic_sharpe(2.5 / np.sqrt(250), benchmark, 1250, -3.0, 10.0)

    assert benchmark == pytest.approx(0.1132, abs=5e-5)
    assert chance == pytest.approx(0.9004, abs=5e-5)


def test_one_trial_alone_has_nothing_to_deflate() -> None:
    assert expected_best(1, 1.0) == 0.0
    assert expected_best(10, 0.0) == 0.0


def _noise(seed: int, trials: int = 20, sessions: int = 600) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((sessions, trials))


def test_the_best_of_worthless_trials_is_not_believed() -> None:
    found = []
    for seed in range(12):
        trials = _noise(seed)
        best = int(np.argmax(trials.mean(axis=0)))
        found.append(deflated_sharpe(trials[:, best], trials))

    assert np.mean([(each or 0.0) > 0.95 for each in found]) <= 0.1


def test_a_planted_edge_survives_deflation() -> None:
    trials = _noise(3)
    trials[:, 7] += 0.35

    chance = deflated_sharpe(trials[:, 7], trials)

    assert chance is not None
    assert chance > 0.95


def test_overfitting_is_as_likely_as_not_when_all_trials_are_worthless() -> None:
    found = [overfitting_probability(_noise(seed), blocks=8) for seed in range(12)]

    assert 0.35 <= float(np.mean([each or 0.0 for each in found])) <= 0.65


def test_a_planted_best_trial_is_hardly_ever_overfitted() -> None:
    trials = _noise(4)
    trials[:, 2] += 0.4

    assert overfitting_probability(trials, blocks=8) == pytest.approx(0.0, abs=0.02)


def test_equal_trials_tell_nothing_either_way() -> None:
    column = np.random.default_rng(1).standard_normal((400, 1))

    assert overfitting_probability(np.repeat(column, 5, axis=1), blocks=8) == pytest.approx(0.5)


def test_too_little_to_judge_has_no_probability() -> None:
    assert overfitting_probability(_noise(1, trials=1)) is None
    assert overfitting_probability(_noise(1, sessions=20)) is None
    assert walk_forward(_noise(1, trials=1)) is None


def test_walk_forward_chooses_by_the_past_alone() -> None:
    """The first trial is good in the first half and bad in the second, the second the reverse."""
    half = 100
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2 * half, 2)) * 0.1
    good = np.concatenate((np.ones(half), -np.ones(half)))
    trials = noise + np.column_stack((good, -good))

    found = walk_forward(trials, folds=4)

    assert found is not None
    assert found.choices == (0, 0, 0)
    assert found.chosen < found.hindsight
