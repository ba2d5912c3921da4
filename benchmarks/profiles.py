"""Where the time of a job goes, as lines of text."""

import cProfile
import pstats
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

SHOWN_FUNCTIONS = 12


def profile_of(job: Callable[[], object], rounds: int, unit: str = "a round") -> tuple[str, ...]:
    """Return a profile: share of time by layer, then the dearest functions with their calls."""
    profile = cProfile.Profile()
    profile.runcall(job)
    return lines_of(profile, rounds, unit)


def lines_of(profile: cProfile.Profile, rounds: int, unit: str) -> tuple[str, ...]:
    """Return what was profiled as lines: share of time by layer, then the dearest functions."""
    rows = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(row[2] for row in rows.values())
    calls = sum(row[1] for row in rows.values()) / rounds
    layers: dict[str, float] = defaultdict(float)
    for (path, _, _), row in rows.items():
        layers[layer_of(path)] += row[2]
    shares = sorted(layers.items(), key=lambda item: -item[1])
    lines = [f"{calls:,.0f} Python calls {unit}, under the profiler's own weight:"]
    lines += [f"{seconds / total:6.1%}  {name}" for name, seconds in shares if seconds > 0]
    lines.append(f"the dearest functions by their own time, with calls {unit}:")
    dearest = sorted(rows.items(), key=lambda item: -item[1][2])[:SHOWN_FUNCTIONS]
    for (path, _, name), row in dearest:
        place = f"{layer_of(path)}: {Path(path).name} {name}"
        lines.append(f"{row[2] / total:6.1%}  {row[1] / rounds:8.1f}  {place}")
    return tuple(lines)


def layer_of(path: str) -> str:
    """Return the room of this project that a file lies in, else what it belongs to."""
    parts = Path(path).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    root = Path(__file__).resolve().parent.parent
    if path.startswith(str(root)):
        return Path(path).relative_to(root).parts[0]
    return "built in" if path == "~" else "standard library"
