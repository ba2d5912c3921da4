"""The overview for a terminal: the figures of the dashboard's pages, drawn as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from market.sessions import exchange_zone

NEWS_SHOWN = 10
WIDE_ENOUGH = 110
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What the daemon told: the objects of three of its pages."""

    overview: Json
    condor: Json
    hedge: Json


def fitted(told: Told, console: Console) -> RenderableType:
    """Return the whole screen with as much of the log as the terminal is high."""
    lines = len(console.render_lines(draw(told, lines_of_log=1)))
    return draw(told, lines_of_log=max(console.height - lines + 1, 1))


def draw(told: Told, lines_of_log: int = NEWS_SHOWN) -> RenderableType:
    """Return the whole screen."""
    overview = told.overview
    middle = _Beside(
        Panel(_condors(told.condor["condors"]), title="condor"),
        Panel(_layers(told.hedge["layers"]), title="hedge: VIX calls"),
    )
    return Group(
        _header(overview), middle, _decisions(overview), _news(overview["news"][:lines_of_log])
    )


@dataclass(frozen=True, slots=True)
class _Beside:
    """Two panels beside each other where the terminal is wide enough, else one below the other."""

    left: Panel
    right: Panel

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width < WIDE_ENOUGH:
            yield self.left
            yield self.right
            return
        table = Table.grid(expand=True)
        table.add_column(ratio=1)
        table.add_column(ratio=1)
        table.add_row(self.left, self.right)
        yield table


def exchange_time(text: str, form: str = "%a %d %b %H:%M:%S") -> str:
    """Return an instant of the JSON as the exchange's clock shows it."""
    return f"{datetime.fromisoformat(text).astimezone(exchange_zone()):{form}}"


def _dollars(value: float | None, plus: str = "") -> str:
    if value is None:
        return "–"
    return f"{'-' if value < 0 else plus}${abs(value):,.0f}"


def _number(value: float | None, form: str = ",.2f") -> str:
    return "–" if value is None else f"{value:{form}}"


def _header(overview: Json) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column()
    table.add_column(justify="center")
    table.add_column(justify="right")
    market = overview["market"] or {}
    table.add_row(
        Text(f"{exchange_time(overview['now'])} ET", style="bold"),
        Text(f"SPX {_number(market.get('spx'))}   VIX {_number(market.get('vix'))}", style="bold"),
        _state(overview),
    )
    run = overview["run"] or {}
    money = "simulated, no real money" if run.get("is_simulated") else "paper account"
    below = Table.grid(expand=True, padding=(0, 1))
    below.add_column()
    below.add_column(justify="right")
    below.add_row(_quotes(market), _following(overview["next"]))
    whole = Group(table, below, Text(_worth(overview)))
    return Panel(whole, title=f"ALVH  ·  {run.get('profile', 'no run')}  ·  {money}")


def _state(overview: Json) -> Text:
    if not overview["is_well"]:
        return Text("NOT WELL: see the page Health", style="bold red")
    if overview["halt"] is not None:
        return Text("HALTED", style="bold red")
    return Text("trading on", style="green")


def _worth(overview: Json) -> str:
    live = overview["live"]
    worth = live or overview["equity"]
    if worth is None:
        return "no equity yet"
    when = "now" if live else f"at the close of {worth['session']}"
    without = _dollars(worth["unhedged_nlv_usd"])
    return f"NLV {when} {_dollars(worth['nlv_usd'])} with hedge, {without} without"


def _quotes(market: Json) -> str:
    """Return of what kind the prices are and how old, in words."""
    if not market:
        return "no quotes yet"
    age = round(market["age_s"])
    old = f"{age} s" if age < 120 else f"{age // 60} min" if age < 7200 else f"{age // 3600} h"
    return f"quotes {market['quotes']}, {old} old"


def _following(moments: Sequence[Json]) -> str:
    if not moments:
        return ""
    first = moments[0]
    return f"next: {first['name'].replace('_', ' ')} {exchange_time(first['at'], '%a %H:%M')} ET"


def _condors(condors: Sequence[Json]) -> RenderableType:
    if not condors:
        return Text("none open", style="dim")
    table = Table(expand=True, box=None, pad_edge=False)
    for name in ("n", "strikes", "P&L", "to the shorts"):
        table.add_column(name, justify="right")
    for condor in condors:
        strikes = " ".join(leg["contract"].split()[2] for leg in condor["legs"])
        gaps = " / ".join(f"{_number(row['points'], '+,.0f')}" for row in condor["distances"])
        pnl = _dollars(condor["open_pnl_usd"], "+")
        table.add_row(str(condor["quantity"]), strikes, pnl, gaps or "–")
    return table


def _layers(layers: Sequence[Json]) -> RenderableType:
    if not any(layer["held_contracts"] for layer in layers):
        return Text("none held", style="dim")
    table = Table(expand=True, box=None, pad_edge=False)
    for name in ("layer", "held", "aim", "delta", "aimed", "days left"):
        table.add_column(name, justify="left" if name == "layer" else "right")
    for layer in layers:
        table.add_row(
            layer["layer"],
            str(layer["held_contracts"]),
            _number(layer["target_contracts"], "d"),
            _number(layer["delta"]),
            _number(layer["target_delta"]),
            _number(layer["nearest_dte"], "d"),
        )
    return table


def _decisions(overview: Json) -> RenderableType:
    lines = list[Text]()
    if overview["halt"] is not None:
        lines.append(Text(overview["halt"]["sentence"], style="bold red"))
    made = [overview[key] for key in ("decision", "hedge_decision") if overview[key] is not None]
    if not made:
        lines.append(Text("none yet", style="dim"))
    lines += [Text(f"{decision['session']}  {decision['sentence']}") for decision in made]
    lines += [_one_line(f"WARNING: {text}", "yellow") for text in overview["warnings"]]
    return Panel(Group(*lines), title="decisions")


def _news(news: Sequence[Json]) -> RenderableType:
    styles = {"detail": "dim", "warning": "yellow", "alarm": "bold red"}
    lines = [
        _one_line(
            f"{exchange_time(each['at'], '%d %b %H:%M:%S')}  {each['sentence']}",
            styles.get(each["level"], ""),
        )
        for each in news
    ]
    return Panel(Group(*lines) if lines else Text("nothing yet", style="dim"), title="log")


def _one_line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
