"""`alvh data`: what a folder of market history has, taking files in, fetching public ones."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot.cli.options import json_option, print_json
from market.errors import ConfigError

FOLDER = click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    required=True,
    help="Folder of market history; made if it is not there.",
)
HOLES_SHOWN = 3
FAILED_CODE = 3


@click.group("data")
def command() -> None:
    """Look after a folder of market history.

    \b
    Examples:
      alvh data status
      alvh data download --data history
      alvh data import spx.csv --as spx_daily --data history
      alvh backtest --data history
    """


@command.command("status")
@click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of market history; without it the built-in daily set.",
)
@json_option
def status(folder: Path | None, as_json: bool) -> None:
    """Show each series: its range and holes, what is modelled, and how far releases are known.

    \b
    Examples:
      alvh data status
      alvh data status --data history --json
    """
    from bot.clock import SystemClock  # noqa: PLC0415 - heavy, only when used
    from bot.data.status import data_status  # noqa: PLC0415
    from bot.settings import Settings  # noqa: PLC0415
    from bot.world import DATA_CALENDAR_FIRST, load_calendar, load_macro  # noqa: PLC0415
    from market.sessions import exchange_zone  # noqa: PLC0415

    today = SystemClock().now().astimezone(exchange_zone()).date()
    told = data_status(folder, load_calendar(DATA_CALENDAR_FIRST), load_macro(Settings()), today)
    if as_json:
        print_json(told)
    else:
        click.echo(_status_text(told))


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "name", required=True, metavar="NAME", help="What it is, as spx_daily.")
@FOLDER
@click.option("--replace", is_flag=True, help="Put it in the place of a file that is there.")
@json_option
def take_in(file: Path, name: str, folder: Path, replace: bool, as_json: bool) -> None:
    """Check a file of yours and put it into the folder in the form the program reads.

    Columns may be called Date, Open, High, Low, Close; dates may be month/day/year; rows may run
    backwards. A wrong file is refused with one sentence and nothing is written.

    \b
    Examples:
      alvh data import ~/Downloads/spx.csv --as spx_daily --data history
      alvh data import my_macro.toml --as macro_events --data history --replace
    """
    from bot.clock import SystemClock  # noqa: PLC0415 - heavy, only when used
    from bot.data import imports  # noqa: PLC0415
    from bot.world import DATA_CALENDAR_FIRST, load_calendar  # noqa: PLC0415

    days = load_calendar(DATA_CALENDAR_FIRST).dates
    positions = {day: number for number, day in enumerate(days)}
    told = imports.take_in(file, name, folder, positions, SystemClock().now(), may_replace=replace)
    if as_json:
        print_json(told)
    else:
        click.echo(f"{told['file']}: {'written' if told['is_changed'] else 'unchanged'}.")


@command.command("download")
@click.argument("names", nargs=-1, metavar="[SERIES]...")
@FOLDER
@click.option("--base-url", metavar="URL", help="A mirror, in place of the publishers' hosts.")
@click.option("--offline", is_flag=True, help="Refuse to touch the network.")
@json_option
def download(
    names: tuple[str, ...],
    folder: Path,
    base_url: str | None,
    offline: bool,
    as_json: bool,
) -> int:
    """Fetch public daily files: vix, vix9d, vix3m, vix6m, vix1d, vvix, skew, vx, rates, macro.

    Without a name all of them. A file in the folder is replaced only by a whole and valid one; exit
    code 3 when a series could not be had. SPX itself is not among them: bring it with
    `alvh data import`.

    \b
    Examples:
      alvh data download --data history
      alvh data download vix vvix --data history
      alvh data download macro --data history
    """
    from bot.clock import SystemClock  # noqa: PLC0415 - heavy, only when used
    from bot.data.sources import chosen, read_sources  # noqa: PLC0415
    from bot.world import config_text  # noqa: PLC0415

    wanted = chosen(names, sources := read_sources(config_text("data_sources.toml")))
    if offline:
        raise ConfigError(
            f"--offline forbids the network, so {', '.join(wanted)} cannot be fetched;"
            " leave it out, or bring files with `alvh data import`."
        )
    from bot.data.download import download as fetch_all  # noqa: PLC0415
    from bot.data.fetch import Fetcher  # noqa: PLC0415

    _tell_retries()
    with Fetcher(base_url) as fetcher:
        outcomes = fetch_all(wanted, sources, _place(folder, SystemClock().now()), fetcher)
    rows = [_plain(asdict(outcome)) for outcome in outcomes]
    failed = [row for row in rows if row["state"] == "failed"]
    if as_json:
        print_json({"folder": str(folder), "series": rows})
    else:
        for row in rows:
            if row not in failed:
                click.echo(_outcome_text(row, folder))
    for row in failed:
        click.echo(f"alvh: {row['reason']}", err=True)
    return FAILED_CODE if failed else 0


def _place(folder: Path, at: datetime) -> Any:
    from bot.data.download import Place  # noqa: PLC0415 - heavy, only when used
    from bot.settings import Settings  # noqa: PLC0415
    from bot.world import (  # noqa: PLC0415
        DATA_CALENDAR_FIRST,
        config_text,
        load_calendar,
        load_listings,
    )

    calendar = load_calendar(DATA_CALENDAR_FIRST)
    listings = load_listings(calendar, Settings())
    return Place(folder, at, calendar, listings, config_text("macro_events.toml"))


def _tell_retries() -> None:
    """Say on stderr what is waited for; by default the retrying library logs to stdout."""
    from stamina.instrumentation import (  # noqa: PLC0415 - used by this command only
        RetryDetails,
        set_on_retry_hooks,
    )

    def tell(details: RetryDetails) -> None:
        click.echo(f"{details.caused_by}; next try in {details.wait_for:.0f} s", err=True)

    set_on_retry_hooks([tell])


def _plain(outcome: dict[str, Any]) -> dict[str, Any]:
    last = outcome["last"]
    return outcome | {"last": None if last is None else last.isoformat()}


def _outcome_text(row: dict[str, Any], folder: Path) -> str:
    until = f" until {row['last']}" if row["last"] else ""
    notes = list(row["notes"])
    if row["series"] == "macro":
        notes.append(f"use them with --set market.macro_file={folder / row['file']}")
    return f"{row['series']}: {row['file']} {row['state']}{until}" + "".join(
        f"\n  {note}" for note in notes
    )


def _status_text(told: dict[str, Any]) -> str:
    lines = [told["folder"] or "built-in history"]
    lines += [_series_text(series) for series in told["series"]]
    lines += [f"  {name} sets the path within its days" for name in told["bar_files"]]
    macro = told["macro"]
    lines.append(f"Releases known until ({macro['file'] or 'shipped'}):")
    lines += [
        f"  {kind:5} {row['until']}, {row['days_left']} days left"
        for kind, row in macro["coverage"].items()
    ]
    lines += [f"WARNING: {text}" for text in (macro["fault"], *macro["warnings"]) if text]
    return "\n".join(lines)


def _series_text(series: dict[str, Any]) -> str:
    name = f"  {series['name']:16}"
    if series["state"] == "wrong":
        return f"{name}WRONG: {series['fault']}"
    if series["first"] is None:
        return f"{name}{series['state']}"
    holes = series["holes"]
    text = f"{name}{series['first']} … {series['last']}, {series['values']:,} values"
    if holes:
        missing = sum(hole["sessions"] for hole in holes)
        shown = ", ".join(_hole_text(hole) for hole in holes[:HOLES_SHOWN])
        more = ", …" if len(holes) > HOLES_SHOWN else ""
        text += f"; {missing} sessions missing ({shown}{more})"
    return text + (f"; {series['origin']}" if series["origin"] else "")


def _hole_text(hole: dict[str, Any]) -> str:
    return hole["first"] if hole["sessions"] == 1 else f"{hole['first']} … {hole['last']}"
