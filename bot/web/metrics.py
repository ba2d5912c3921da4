"""Metrics in Prometheus' text form, read from the facts when they are asked for."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bot.equity import value_book
from bot.web.facts import Facts
from bot.web.scene import Scene
from bot.web.views.health import Pulse


def exposition(facts: Facts, scene: Scene, pulse: Pulse) -> tuple[bytes, str]:
    """Return all metrics as text, and its media type."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(_RunMetrics(facts, scene, pulse))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _RunMetrics(Collector):
    """Turns one run into metric families."""

    def __init__(self, facts: Facts, scene: Scene, pulse: Pulse) -> None:
        self._facts = facts
        self._scene = scene
        self._pulse = pulse

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        yield from self._vital()
        yield from self._counted()
        yield from self._account()
        yield from self._held()

    def _vital(self) -> Iterator[Metric]:
        facts, pulse = self._facts, self._pulse
        yield _gauge("up", "1 while the loop turns and the journal writes.", pulse.is_well)
        yield _gauge("loop_lag_seconds", "Recent worst lateness of the loop.", pulse.lag_s)
        if pulse.beat_age_s is not None:
            yield _gauge("beat_age_seconds", "Time since the daemon's last beat.", pulse.beat_age_s)
        yield _gauge("streams", "Open streams of events.", pulse.streams)
        halted = facts.book is not None and facts.book.halt is not None
        yield _gauge("halted", "1 while trading is halted.", halted)
        yield _gauge("journal_seq", "Number of the last committed event.", facts.seq)

    def _counted(self) -> Iterator[Metric]:
        events = CounterMetricFamily("alvh_events", "Committed events.", labels=["kind"])
        for kind, count in sorted(self._facts.counts.items()):
            events.add_metric([kind], count)
        yield events
        made = CounterMetricFamily(
            "alvh_decisions", "Decisions made.", labels=["strategy", "action", "reason"]
        )
        lines = self._facts.decisions
        found = Counter((line.strategy, line.action, line.reason) for line in lines)
        for labels, count in sorted(found.items()):
            made.add_metric(labels, count)
        yield made

    def _account(self) -> Iterator[Metric]:
        if self._facts.equity:
            last = self._facts.equity[-1]
            yield _gauge("nlv_usd", "NLV at the last session's end.", float(last.nlv_usd))
            unhedged = float(last.unhedged_nlv_usd)
            yield _gauge("unhedged_nlv_usd", "The same without the hedge.", unhedged)
            yield _gauge("fees_usd", "Fees since the start.", float(last.fees_usd))
        book, snapshot = self._facts.book, self._scene.snapshot
        if book is None or snapshot is None:
            return
        live = book.ledger.cash_usd + value_book(book, snapshot).total_usd
        yield _gauge("live_nlv_usd", "NLV on the market of now.", float(live))
        yield _gauge("spx_points", "SPX.", snapshot.levels.spx)
        yield _gauge("vix_points", "VIX.", snapshot.levels.vix)

    def _held(self) -> Iterator[Metric]:
        book = self._facts.book
        if book is None:
            return
        positions = book.positions()
        condors = sum(condor.quantity for condor in positions.condors)
        yield _gauge("condors", "Condors held.", condors)
        at_risk = float(book.open_max_loss_usd())
        yield _gauge("open_max_loss_usd", "What open condors can still lose.", at_risk)
        yield _gauge("working_orders", "Orders that work.", len(book.working()))
        calls = GaugeMetricFamily("alvh_hedge_contracts", "VIX calls held.", labels=["layer"])
        held = Counter[str]()
        for layer in positions.layers:
            held[layer.layer] += layer.contracts
        for name, count in sorted(held.items()):
            calls.add_metric([name], count)
        yield calls


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"alvh_{name}", meaning, value=float(value))
