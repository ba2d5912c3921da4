"""The terminal screen of a running bot: what it sees, what it holds, what comes next, and why."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from bot.bootstrap import Rig
from bot.events import DecisionMade, EquityMarked, LayerMark, MarketSeen, Record
from market.instruments import OptionContract, Right
from market.schedule import Moment
from market.sessions import exchange_zone
from strategies.base import CondorPosition, Layer

DECISIONS_SHOWN = 6
LAYERS = tuple(Layer)


@dataclass
class ScreenState:
    """What the screen shows, gathered from the records as they go by."""

    session: date | None = None
    at: datetime | None = None
    spx: float | None = None
    vix: float | None = None
    equity: EquityMarked | None = None
    next_moment: Moment | None = None
    decisions: deque[str] = field(default_factory=lambda: deque(maxlen=DECISIONS_SHOWN))
    deltas: dict[str, LayerMark] = field(default_factory=dict)

    def watch(self, record: Record) -> None:
        """Take in one record."""
        self.at = record.at
        if isinstance(record, MarketSeen):
            self.session = record.session
            self.spx, self.vix = record.levels.spx, record.levels.vix
        elif isinstance(record, EquityMarked):
            self.equity = record
            self.deltas = {mark.contract: mark for mark in record.layers}
        elif isinstance(record, DecisionMade) and _is_news(record):
            decision = record.decision
            self.decisions.appendleft(f"{decision.session:%d %b}  {decision.sentence}")


def _is_news(record: DecisionMade) -> bool:
    return record.decision.strategy == "condor" or record.decision.action == "TRADE"


class Screen:
    """Draws the state of a rig; `total` sessions give the progress bar its length."""

    def __init__(self, rig: Rig, total: int | None) -> None:
        self.state = ScreenState()
        self._rig = rig
        rig.engine.listen(self.state.watch)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn()
        )
        self._task = self._progress.add_task("sessions", total=total) if total else None

    def advance(self) -> None:
        """Count one session as done."""
        if self._task is not None:
            self._progress.advance(self._task)

    def __rich__(self) -> RenderableType:
        """Return the whole screen."""
        parts: list[RenderableType] = [self._header(), self._middle(), self._decisions()]
        if self._task is not None:
            parts.append(self._progress)
        return Group(*parts)

    def _header(self) -> RenderableType:
        state = self.state
        day = "waiting" if state.session is None else f"{state.session:%a %d %b %Y}"
        clock = "" if state.at is None else f"{state.at.astimezone(exchange_zone()):%H:%M:%S} ET"
        market = "" if state.spx is None else f"SPX {state.spx:,.2f}   VIX {state.vix:.2f}"
        table = Table.grid(expand=True, padding=(0, 1))
        table.add_column()
        table.add_column(justify="center")
        table.add_column(justify="right")
        table.add_row(
            Text(f"{day}  {clock}", style="bold"),
            Text(market, style="bold"),
            f"sold on {self._rig.summary.opened} of {self._rig.summary.sessions} sessions",
        )
        table.add_row(self._equity(), "", self._next())
        return Panel(table, title="ALVH  ·  simulated, no real money", border_style="blue")

    def _equity(self) -> str:
        equity = self.state.equity
        if equity is None:
            return f"NLV ${self._rig.summary.start_nlv_usd:,.0f}"
        return (
            f"NLV ${equity.nlv_usd:,.0f} with hedge, ${equity.unhedged_nlv_usd:,.0f} without "
            f"(hedge {equity.hedge_pnl_usd:+,.0f})"
        )

    def _next(self) -> str:
        moment = self.state.next_moment
        if moment is None:
            return ""
        local = moment.at.astimezone(exchange_zone())
        return f"next: {moment.name} {local:%a %H:%M} ET"

    def _middle(self) -> RenderableType:
        positions = self._rig.book.positions()
        table = Table.grid(expand=True)
        table.add_column(ratio=1)
        table.add_column(ratio=1)
        condors = Panel(self._condors(positions.condors), title="condor")
        table.add_row(condors, Panel(self._layers(), title="hedge: VIX calls"))
        return table

    def _condors(self, condors: Iterable[CondorPosition]) -> RenderableType:
        lines = [self._condor(condor) for condor in condors]
        return Group(*lines) if lines else Text("none open", style="dim")

    def _condor(self, condor: CondorPosition) -> Text:
        spx = self.state.spx
        text = Text()
        text.append(f"{condor.quantity} × {condor.expiry:%a %d %b} for {condor.credit:.2f}\n")
        if condor.short_put is not None and condor.long_put is not None:
            text.append(f"puts  {condor.long_put.strike:f}/{condor.short_put.strike:f}\n")
        if condor.short_call is not None and condor.long_call is not None:
            text.append(f"calls {condor.short_call.strike:f}/{condor.long_call.strike:f}\n")
        if spx is not None:
            gaps = [_distance(short, spx) for short in condor.shorts]
            style = "green" if min(gaps) > 0 else "red"
            words = " / ".join(f"{gap:+.0f}" for gap in gaps)
            text.append(f"{words} points to the shorts\n", style=style)
        text.append(f"at risk ${condor.max_loss_usd:,.0f}", style="dim")
        return text

    def _layers(self) -> RenderableType:
        held = self._rig.book.positions().layers
        if not held:
            return Text("none held", style="dim")
        table = Table(expand=True, box=None, pad_edge=False)
        for name in ("layer", "n", "expiry", "strike", "delta", "value"):
            table.add_column(name, justify="left" if name == "layer" else "right", no_wrap=True)
        for layer in LAYERS:
            for position in held:
                if position.layer is layer:
                    contract = position.contract
                    mark = self.state.deltas.get(contract.symbol)
                    delta = "" if mark is None or mark.delta is None else f"{mark.delta:.2f}"
                    value = "" if mark is None else f"${mark.value_usd:,.0f}"
                    table.add_row(
                        layer,
                        str(position.contracts),
                        f"{contract.expiry:%d %b}",
                        f"{contract.strike.normalize():f}",
                        delta,
                        value,
                    )
        return table

    def _decisions(self) -> RenderableType:
        lines = [Text(line, style="" if i == 0 else "dim") for i, line in
                 enumerate(self.state.decisions)]  # fmt: skip
        return Panel(Group(*lines) if lines else Text("none yet"), title="decisions")


def _distance(short: OptionContract, spx: float) -> float:
    """Return how many points the market is away from a short strike, negative when beyond it."""
    strike = float(short.strike)
    return spx - strike if short.right is Right.PUT else strike - spx
