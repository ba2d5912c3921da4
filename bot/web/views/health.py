"""The health page: whether the loop turns, the journal writes, and what went wrong so far."""

from dataclasses import dataclass

from bot.web.facts import Facts
from bot.web.scene import Scene, Seen
from bot.web.views.overview import halt, run
from bot.web.views.plain import Json, figure, instant


@dataclass(frozen=True, slots=True)
class Pulse:
    """The vital signs of the process: seconds since the loop's last beat, its worst lag, and why
    the journal cannot write, None while it can."""

    beat_age_s: float | None
    lag_s: float
    journal_fault: str | None
    streams: int
    connection: str

    @property
    def is_beating(self) -> bool:
        """Tell whether the daemon's loop turns; without a daemon there is none to ask."""
        return self.beat_age_s is None or self.beat_age_s < LONGEST_BEAT_S

    @property
    def is_well(self) -> bool:
        """Tell whether the loop turns and the journal writes."""
        return self.is_beating and self.journal_fault is None


LONGEST_BEAT_S = 10.0


def healthz(facts: Facts, pulse: Pulse) -> Json:
    """Return the object of `/healthz`."""
    return {
        "status": "ok" if pulse.is_well else "failing",
        "loop": "turning" if pulse.is_beating else "stuck",
        "journal": pulse.journal_fault or "writing",
        "seq": facts.seq,
    }


def health_page(facts: Facts, scene: Scene, pulse: Pulse) -> Json:
    """Return the object of `/api/health`."""
    coverage = scene.almanac.macro.coverage()
    return {
        **healthz(facts, pulse),
        "now": instant(scene.now),
        "run": run(facts),
        "halt": halt(facts),
        "fault": facts.fault,
        "connection": pulse.connection,
        "market": "not to be had" if scene.seen is None else scene.seen.kind,
        "market_age_s": None if scene.seen is None else _age_s(scene, scene.seen),
        "beat_age_s": figure(pulse.beat_age_s, 2),
        "lag_s": figure(pulse.lag_s, 4),
        "streams": pulse.streams,
        "counts": dict(sorted(facts.counts.items())),
        "missed": [
            {
                "at": instant(missed.at),
                "session": missed.session.isoformat(),
                "name": missed.name,
                "reason": missed.reason,
            }
            for missed in reversed(facts.missed[-50:])
        ],
        "macro_coverage": {kind.value: day.isoformat() for kind, day in coverage.items()},
        "warnings": list(scene.almanac.macro.warnings(scene.now.date())),
    }


def _age_s(scene: Scene, seen: Seen) -> float | None:
    return figure(max((scene.now - seen.at).total_seconds(), 0.0), 1)
