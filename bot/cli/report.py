"""`alvh report`: one page of a day, of a range of sessions, or of a study."""

from datetime import date
from pathlib import Path
from typing import Any

import click

from bot.cli.options import DATE, json_option, print_json
from market.errors import ConfigError


@click.command("report")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    metavar="FILE.db",
    help="The run to report on; by default the newest under ./runs.",
)
@click.option("--day", type=DATE, default=None, help="One session.")
@click.option("--from", "first", type=DATE, default=None, help="First session of a range.")
@click.option("--to", "last", type=DATE, default=None, help="Last session of a range.")
@click.option(
    "--study",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Render the page of a study again, from its claims.json.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Where the page goes; default: beside the journal, or in the study's folder.",
)
@json_option
def command(
    journal: Path | None,
    day: date | None,
    first: date | None,
    last: date | None,
    study: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Write one static page that asks nothing of the network; account numbers are masked.

    \b
    Examples:
      alvh report
      alvh report --journal runs/NAME/journal.db --day 2018-02-05
      alvh report --study runs/study --out study.html
    """
    if journal is not None and study is not None:
        raise ConfigError("--journal names a run and --study a study; give one of them.")
    if day is not None and (first is not None or last is not None):
        raise ConfigError("--day is one session and --from, --to are a range; give one of them.")
    if study is not None:
        if day or first or last:
            raise ConfigError("--study renders a whole study; leave --day, --from and --to away.")
        figures, text, usual = _study(study)
    else:
        figures, text, usual = _run(journal or _newest(), day, first, last)
    from bot.report.page import written  # noqa: PLC0415 - heavy, only when used

    page = written(out or usual, text)
    if as_json:
        print_json(figures | {"page": str(page)})
    else:
        click.echo(f"The page: {page}")


def _newest() -> Path:
    from bot.cli.status import newest_journal  # noqa: PLC0415

    found = newest_journal(Path("runs"))
    if found is None:
        raise ConfigError("no run lies below runs/; name one with --journal, or start `alvh run`.")
    return found


def _study(folder: Path) -> tuple[dict[str, Any], str, Path]:
    from bot.report.study_page import PAGE_FILE, read_study, study_page  # noqa: PLC0415 - heavy

    told, pictures = read_study(folder)
    return told, study_page(told, pictures), folder / PAGE_FILE


def _run(
    journal: Path, day: date | None, first: date | None, last: date | None
) -> tuple[dict[str, Any], str, Path]:
    from bot.report.day_page import day_figures, day_page  # noqa: PLC0415 - heavy
    from bot.report.range_page import cut_to, range_figures, range_page  # noqa: PLC0415
    from bot.report.recorded import read_run  # noqa: PLC0415

    run = read_run(journal)
    if day is not None:
        figures = day_figures(run, day)
        return figures, day_page(figures), journal.with_name(f"report-{day}.html")
    if first is not None and last is not None and first > last:
        raise ConfigError(f"--from {first} lies after --to {last}; swap them.")
    tables = cut_to(run.tables, first or run.sessions[0], last or run.sessions[-1])
    figures = range_figures(run, tables)
    name = f"report-{figures['from']}-{figures['to']}.html"
    return figures, range_page(figures, tables), journal.with_name(name)
