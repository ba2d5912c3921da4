"""`alvh backtest`: a window of history at full speed."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click

from bot.cli.options import (
    DATE,
    history_options,
    json_option,
    print_json,
    read_settings,
    settings_options,
)
from market.errors import ConfigError


@click.command("backtest")
@click.option("--from", "first", type=DATE, default="2018-01-02", show_default=True)
@click.option("--to", "last", type=DATE, default="2018-03-29", show_default=True)
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    metavar="FILE.db",
    help="Keep the SQLite journal there (a new file).",
)
@settings_options
@history_options
@json_option
def command(
    first: date,
    last: date,
    journal: Path | None,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Replay history at full speed and print what came of it.

    Every entry moment is counted once: as a condor opened, or as skipped with its reason. The
    result stands beside the same fills without the hedge.

    \b
    Examples:
      alvh backtest --from 2014-01-03 --to 2018-12-31
      alvh backtest --preset seed_25 --set condor.wing_width_points=50 --json
      alvh backtest --journal quarter.db && alvh journal verify quarter.db
    """
    from bot.replay import backtest, replay_rig, window  # noqa: PLC0415 - heavy, only when used
    from bot.world import historical_world  # noqa: PLC0415

    settings = read_settings(preset, config, overrides)
    refuse_existing(journal)
    world = historical_world(settings, data, seed)
    span = window(world, first, last)
    rig = replay_rig(settings, world, span, seed, journal)
    wall_s = backtest(rig, span)
    result = rig.result() | {
        "from": span.first.isoformat(),
        "to": span.last.isoformat(),
        "preset": preset,
        "seed": seed,
        "simulated": True,
        "series": world.series(span.first, span.last),
        "wall_s": round(wall_s, 4),
    }
    if as_json:
        print_json(result)
    else:
        click.echo(as_text(result))


def refuse_existing(journal: Path | None) -> None:
    """Refuse to write over a file.

    Raises:
        ConfigError: the file exists, or its folder does not.
    """
    if journal is None:
        return
    if journal.exists():
        raise ConfigError(f"--journal {journal} exists already; name a new file or remove it.")
    if not journal.parent.is_dir():
        raise ConfigError(f"--journal {journal}: folder {journal.parent} is missing; create it.")


def as_text(result: Mapping[str, Any]) -> str:
    """Return the result as a trader would read it."""
    bare = result["unhedged"]
    skipped = ", ".join(f"{count} {reason}" for reason, count in result["condors_skipped"].items())
    modelled = ", ".join(name for name, state in result["series"].items() if state == "modelled")
    lines = [
        f"{result['from']} … {result['to']}: {result['sessions']} sessions, "
        f"condors sold on {result['condors_opened']}, "
        f"{result['condor_contracts']} in all ({_money(result)})",
        f"skipped: {skipped or 'none'}",
        f"hedge: {result['hedge_rolls']} rolls, {result['hedge_refreshes']} re-strikes, "
        f"net {result['net_hedge_pnl_usd']:+,.0f} USD",
        "",
        f"{'':22}{'with hedge':>14}{'without':>14}",
        f"{'end NLV, USD':22}{result['end_nlv_usd']:>14,.0f}{bare['end_nlv_usd']:>14,.0f}",
        f"{'fees, USD':22}{result['fees_usd']:>14,.0f}{bare['fees_usd']:>14,.0f}",
        f"{'deepest drawdown':22}{result['max_drawdown_frac']:>14.1%}"
        f"{bare['max_drawdown_frac']:>14.1%}",
        "",
        "Prices: the broker's quotes."
        if result.get("profile") in OF_A_BROKER
        else f"Modelled, not recorded: {modelled}, all option prices.",
    ]
    return "\n".join(lines)


OF_A_BROKER = frozenset({"paper", "shadow"})


def _money(result: Mapping[str, Any]) -> str:
    return "simulated" if result["simulated"] else "paper account"
