"""Intervals, verdicts and statistics on rows whose truth is known."""

import math

import numpy as np
import pytest

from bot.study.bootstrap import BINOMIAL, BOOTSTRAP, Interval, expanded_tail, interval
from bot.study.claims_ladder import yearly_lead
from bot.study.evidence import Sample, column, difference, estimate, paired, slices
from bot.study.statistics import (
    cut,
    deepest_fall,
    drawdown_cut,
    mean,
    rate_lead,
    sharpe_gain,
    yearly,
)
from bot.study.verdict import Region, Verdict, all_told, figure, judge

BLOCK = 20.0


def _autoregressive(seed: int, count: int, memory: float, level: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal(count)
    found = np.empty(count)
    found[0] = shocks[0]
    for row in range(1, count):
        found[row] = memory * found[row - 1] + shocks[row]
    return (found + level).reshape(-1, 1)


def _coverage(count: int, memory: float, block: float, draws: int = 250) -> float:
    found = [
        interval(_autoregressive(seed, count, memory), mean, block=block, seed=seed, draws=draws)
        for seed in range(200)
    ]
    return float(np.mean([(each.low or 0.0) <= 0.0 <= (each.high or 0.0) for each in found]))


@pytest.mark.parametrize(("count", "memory", "block"), [(600, 0.3, BLOCK), (26, 0.0, 3.0)])
def test_the_interval_covers_the_true_mean_about_as_often_as_it_says(
    count: int, memory: float, block: float
) -> None:
    """By simulation: of days with memory, and of a few months; 95 % less three standard errors
    of 200 draws is 90.4 %."""
    assert 0.904 <= _coverage(count, memory, block) <= 0.98


def test_few_blocks_widen_the_interval_as_hesterberg_does() -> None:
    """Twelve rows: √(12/11) · t(11) is 2.299, and Φ(−2.299) is 1.08 %."""
    assert expanded_tail(12.0) == pytest.approx(0.01076, abs=2e-5)
    assert expanded_tail(1e6) == pytest.approx(0.025, abs=1e-5)


def test_single_days_as_blocks_would_claim_too_much_on_a_series_with_memory() -> None:
    series = [_autoregressive(seed, 600, 0.6) for seed in range(60)]

    def covered(block: float) -> float:
        found = [interval(rows, mean, block=block, seed=1, draws=150) for rows in series]
        return float(np.mean([(e.low or 0.0) <= 0.0 <= (e.high or 0.0) for e in found]))

    assert covered(1.0) < 0.80 < covered(BLOCK)


@pytest.mark.parametrize(
    ("level", "expected"),
    [(0.5, Verdict.SUPPORTED), (-0.5, Verdict.REFUTED), (0.0, Verdict.UNDECIDED)],
)
def test_a_planted_edge_is_found_and_a_planted_absence_is_not(
    level: float, expected: Verdict
) -> None:
    rows = _autoregressive(11, 800, 0.2, level)

    found = estimate(Sample(rows, mean), "planted")

    assert judge(found.ci, Region(low=0.0), found.n) is expected


def test_absent_edges_are_rarely_called_supported() -> None:
    verdicts = []
    for seed in range(100):
        found = interval(_autoregressive(seed, 300, 0.2), mean, block=BLOCK, seed=seed, draws=150)
        verdicts.append(judge(found, Region(low=0.0), 300))

    assert verdicts.count(Verdict.SUPPORTED) <= 10


def test_a_hedge_that_mirrors_half_of_every_loss_is_measured_as_that() -> None:
    condor = np.random.default_rng(5).standard_normal(500) * 100.0 + 5.0
    full = np.where(condor < 0, condor / 2, condor)
    losses = paired(-full[condor < 0], -condor[condor < 0])

    found = estimate(Sample(losses, cut), "half")

    assert found.value == pytest.approx(0.5)
    assert judge(found.ci, Region(low=0.40), found.n) is Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0.41, 0.60, 50, Verdict.SUPPORTED),
        (0.10, 0.39, 50, Verdict.REFUTED),
        (0.30, 0.60, 50, Verdict.UNDECIDED),
        (0.41, 0.60, 19, Verdict.UNDECIDED),
        (None, None, 50, Verdict.UNDECIDED),
    ],
)
def test_the_rule_from_interval_to_verdict(
    low: float | None, high: float | None, count: int, expected: Verdict
) -> None:
    assert judge(Interval(low, high, BOOTSTRAP), Region(low=0.40), count) is expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("supported supported", Verdict.SUPPORTED),
        ("supported undecided", Verdict.UNDECIDED),
        ("undecided refuted", Verdict.REFUTED),
        ("supported refuted", Verdict.REFUTED),
    ],
)
def test_a_claim_of_several_parts_falls_with_one_and_stands_with_all(
    parts: str, expected: Verdict
) -> None:
    assert all_told([Verdict(part) for part in parts.split()]) is expected


def test_leads_are_told_against_the_best_of_the_others() -> None:
    skipped, beyond = [1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]
    hedges = paired([-0.010] * 4, [-0.020] * 4, [-0.004] * 4)

    assert rate_lead(paired(skipped, beyond)) == pytest.approx(0.5 - 0.25)
    assert math.isnan(rate_lead(paired([0, 0], [1, 0])))
    assert yearly_lead(hedges) == pytest.approx(252 * (-0.010 + 0.004))


def test_a_region_with_two_ends_fails_on_both_sides() -> None:
    region = Region(low=0.10, high=0.15)

    found = [
        judge(Interval(*ends, BOOTSTRAP), region, 100)
        for ends in ((0.02, 0.05), (0.11, 0.14), (0.20, 0.30), (0.05, 0.12))
    ]

    assert found == [Verdict.REFUTED, Verdict.SUPPORTED, Verdict.REFUTED, Verdict.UNDECIDED]


def test_a_rate_without_a_single_failure_gets_the_exact_binomial_interval() -> None:
    """Clopper and Pearson: the lower end of 30 of 30 is 0.025^(1/30)."""
    found = interval(column([1.0] * 30), mean, block=5.0, seed=1, is_rate=True)

    assert found == Interval(0.025 ** (1 / 30), 1.0, BINOMIAL)


def test_nothing_observed_has_no_interval_and_says_why() -> None:
    found = estimate(Sample(column([]), mean, why_empty="no condor was sold"), "none")

    assert (found.n, found.value) == (0, None)
    assert found.ci == Interval(None, None, "none", "no condor was sold")


def test_the_same_rows_always_give_the_same_interval() -> None:
    sample = Sample(_autoregressive(3, 200, 0.2), yearly)

    assert estimate(sample, "K2") == estimate(sample, "K2")
    assert estimate(sample, "K2").ci != estimate(sample, "K4").ci


def test_slices_tell_each_label_apart() -> None:
    rows = column([1.0] * 30 + [3.0] * 30)
    sample = Sample(rows, mean, labels={"year": ["2014"] * 30 + ["2015"] * 30})

    found = {
        (each.by, each.name): (each.estimate.n, each.estimate.value) for each in slices(sample, "x")
    }

    assert found == {("year", "2014"): (30, 1.0), ("year", "2015"): (30, 3.0)}


def test_runs_that_never_differ_are_no_evidence() -> None:
    days = np.array([10.0, -5.0, 3.0])

    assert len(difference(days, days.copy())) == 0
    assert len(difference(days, days + 1.0)) == 3


def test_the_deepest_fall_counts_from_the_start() -> None:
    changes = np.array([-10.0, 20.0, -44.0, 30.0])

    assert deepest_fall(changes, 100.0) == pytest.approx(44.0 / 110.0)
    assert drawdown_cut(100.0)(paired(changes / 2, changes)) == pytest.approx(
        1 - (22.0 / 105.0) / (44.0 / 110.0)
    )


def test_a_sharpe_ratio_of_nothing_but_zeros_is_zero() -> None:
    rows = paired([0.0] * 10, [1.0, 2.0] * 5)

    assert sharpe_gain(rows) == pytest.approx(
        -math.sqrt(252) * 1.5 / np.std([1.0, 2.0] * 5, ddof=1)
    )


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (-0.0264, "frac", "−2.64\u00a0%"),
        (0.241, "frac", "24.1\u00a0%"),
        (-1234.5, "usd", "−$1,234"),
        (0.125, "points", "0.12 points"),
        (None, "usd", "unknown"),
    ],
)
def test_figures_are_written_as_a_trader_writes_them(
    value: float | None, unit: str, words: str
) -> None:
    assert figure(value, unit) == words
