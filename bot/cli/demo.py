"""`alvh demo`: how the method would have lived through days that everybody remembers."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click

from bot.cli.options import DEFAULT_SEED, json_option, print_json
from market.errors import ConfigError

SHIPPED_FIRST, SHIPPED_LAST = date(2014, 1, 3), date(2018, 12, 31)


@dataclass(frozen=True, slots=True)
class Demo:
    """A stretch of history: the weeks before a day of stress, the day, and what followed."""

    name: str
    day: date
    first: date
    last: date
    story: str

    @property
    def is_shipped(self) -> bool:
        """Tell whether the built-in history covers it."""
        return self.first >= SHIPPED_FIRST and self.last <= SHIPPED_LAST


def _demo(name: str, day: str, first: str, last: str, story: str) -> Demo:
    return Demo(
        name, date.fromisoformat(day), date.fromisoformat(first), date.fromisoformat(last), story
    )


DEMOS = (
    _demo("lehman", "2008-10-15", "2008-08-15", "2008-11-28",
          "SPX lost 9 % in one session; VIX closed near 70 and went to 80 in the weeks after."),
    _demo("flash-crash", "2010-05-06", "2010-04-05", "2010-06-11",
          "SPX fell 9 % within minutes of the afternoon and took most of it back by the close."),
    _demo("downgrade", "2011-08-08", "2011-07-01", "2011-09-30",
          "The first session after the United States lost their AAA: SPX fell 6.7 %."),
    _demo("august-2015", "2015-08-24", "2015-07-20", "2015-09-30",
          "A Monday that opened 5 % lower; VIX closed above 40."),
    _demo("brexit", "2016-06-24", "2016-05-31", "2016-07-15",
          "The morning after the vote: SPX fell 3.6 %, VIX closed above 25."),
    _demo("volmageddon", "2018-02-05", "2018-01-02", "2018-03-09",
          "VIX rose from 17 to 37 in one session, its largest rise in a day until then."),
    _demo("christmas-2018", "2018-12-24", "2018-11-19", "2018-12-31",
          "A half day before Christmas on which SPX fell 2.7 %; VIX closed at 36."),
    _demo("covid", "2020-03-16", "2020-02-03", "2020-04-30",
          "SPX fell 12 % in one session; VIX closed at 82.69, its highest close."),
    _demo("august-2024", "2024-08-05", "2024-07-08", "2024-08-30",
          "VIX was quoted above 65 before the open and closed at 38.57."),
)  # fmt: skip


@click.command("demo")
@click.argument("name", required=False)
@click.option(
    "--pace",
    type=click.FloatRange(0, 86_400),
    default=15.0,
    show_default=True,
    help="Seconds that the replay takes; 0 is full speed.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with market history, for days outside the built-in years.",
)
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True)
@json_option
@click.pass_context
def command(
    context: click.Context,
    name: str | None,
    pace: float,
    data: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Replay a famous day of stress with the weeks around it; without NAME list them.

    \b
    Examples:
      alvh demo
      alvh demo volmageddon
      alvh demo covid --data history
    """
    if name is None:
        _list(as_json=as_json)
        return
    from bot.cli.run import command as run  # noqa: PLC0415 - heavy

    demo = _known(name)
    if not demo.is_shipped and data is None:
        raise ConfigError(
            f"demo {name} plays in {demo.day.year}, and the built-in history covers"
            f" {SHIPPED_FIRST.year} to {SHIPPED_LAST.year}; fetch daily files with `alvh data"
            " download --data DIR`, add SPX prices (docs/data.md), and give --data DIR."
        )
    if not as_json:
        click.echo(f"{demo.day:%A, %d %B %Y}. {demo.story}")
    context.invoke(
        run, first=demo.first, last=demo.last, pace=pace, data=data, seed=seed, as_json=as_json
    )


def _known(name: str) -> Demo:
    for demo in DEMOS:
        if demo.name == name:
            return demo
    names = ", ".join(demo.name for demo in DEMOS)
    raise ConfigError(f"demo {name!r} is unknown; choose one of {names}.")


def _list(*, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "name": demo.name,
                "day": demo.day.isoformat(),
                "from": demo.first.isoformat(),
                "to": demo.last.isoformat(),
                "story": demo.story,
                "is_shipped": demo.is_shipped,
            }
            for demo in DEMOS
        ]
        print_json({"demos": rows})
        return
    for demo in DEMOS:
        needs = "" if demo.is_shipped else "  (needs --data)"
        click.echo(f"{demo.name:15} {demo.day}  {demo.story}{needs}")
    click.echo("\nPlay one: alvh demo volmageddon")
