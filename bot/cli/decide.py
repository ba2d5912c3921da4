"""`alvh decide`: one entry decision with everything that led there."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.options import (
    history_options,
    json_option,
    print_json,
    read_settings,
    session_options,
    settings_options,
)

if TYPE_CHECKING:
    from bot.decision import Explained


@click.command("decide")
@session_options
@settings_options
@history_options
@json_option
def command(
    session: date,
    first: date | None,
    journal: Path | None,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Show what the entry moment of a session decided: filters, candidates, choice, sentence.

    A backtest with the same start gives the same answer.

    \b
    Examples:
      alvh decide --as-of 2018-02-02
      alvh decide --as-of 2018-02-02 --json
      alvh decide --as-of 2018-02-02 --journal quarter.db
    """
    from bot.decision import decide_on_book, decide_on_replay  # noqa: PLC0415 - heavy
    from bot.world import historical_world  # noqa: PLC0415

    settings = read_settings(preset, config, overrides)
    world = historical_world(settings, data, seed)
    if journal is None:
        explained = decide_on_replay(settings, world, session, first, seed)
    else:
        explained = decide_on_book(settings, world, session, journal)
    if as_json:
        print_json(as_json_object(explained))
    else:
        click.echo(as_text(explained))


def as_json_object(explained: "Explained") -> dict[str, Any]:
    """Return a decision as plain values."""
    import msgspec  # noqa: PLC0415

    value: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(explained.decision))
    changes = msgspec.json.decode(msgspec.json.encode(explained.changes))
    return value | {"would_change": changes, "simulated": True}


def as_text(explained: "Explained") -> str:
    """Return a decision as a trader would tell it: what, why, what was weighed, what would have
    changed it."""
    decision = explained.decision
    lines = [f"{decision.session:%A %d %B %Y}: {decision.sentence}", "", "Filters:"]
    for result in decision.filters:
        mark = {"pass": "ok", "limit": "limits", "block": "STOPS", "unknown": "–"}[result.verdict]
        lines.append(f"  {result.rule:5} {result.name:18} {mark:7} {result.detail}")
    if decision.candidates is not None:
        weighed = decision.candidates
        lines += [
            "",
            f"Weighed {len(weighed.puts)} put and {len(weighed.calls)} call verticals; "
            f"{weighed.pairs_meeting_target} pairs bring {weighed.target_credit_points:.2f}:",
        ]
        for pair in weighed.best[:5]:
            lines.append(
                f"  short put {pair.short_put_strike:g}, short call {pair.short_call_strike:g}: "
                f"{pair.credit_points:.2f} net, {pair.credit_excess_points:+.2f} over target"
            )
    lines += _changes(explained)
    lines += ["", "Figures:"]
    lines += [f"  {name:28} {value}" for name, value in decision.facts.items()]
    return "\n".join(lines)


def _changes(explained: "Explained") -> list[str]:
    if explained.changes is None:
        return ["", "What would have changed it: ask without --journal, on a replay."]
    if not explained.changes:
        return ["", "What would have changed it: no filter bound."]
    lines = ["", "What would have changed it:"]
    for change in explained.changes:
        then = "the same" if change.is_same else change.sentence
        lines.append(f"  without {change.rule} ({change.detail}): {then}")
    return lines
