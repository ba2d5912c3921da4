"""The engine: one event in, commands out; record → apply → decide → act, without any I/O.

`step` is the whole behaviour of the program. The shell around it performs the commands: an
asyncio daemon in life, a plain loop in replay. All that the engine remembers is the book, which
the journal's records rebuild.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot import person, safety
from bot.book import Book
from bot.commands import CancelOrder, Command, FetchSnapshot, SubmitOrder
from bot.equity import Valuation, capital_of, mark_equity, temporal_thetas, value_book
from bot.events import (
    BrokerReported,
    DecisionMade,
    EntryClosed,
    EntryResult,
    EquityMarked,
    FlattenAsked,
    FlattenWanted,
    HaltAsked,
    Input,
    MarketSeen,
    MarketUnseen,
    MomentDue,
    MomentMissed,
    MomentReached,
    MomentSkipped,
    OrderApproved,
    Record,
    ResumeAsked,
    SnapshotFailed,
    SnapshotTaken,
)
from bot.held import CONDOR
from bot.listeners import Listener, Listeners
from bot.risk import Exposure, Refusal, RiskGate
from bot.risk_market import leg_quotes
from bot.safety import SafetyParams
from bot.shadow import SHADOW, Shadows
from bot.tape import DailyTape
from market.instruments import OptionContract
from market.listings import Listings
from market.macro import MacroCalendar
from market.orders import LineChanged, LineState, Order, OrderFilled, OrderIntent, order_id
from market.quotes import MarketSnapshot, SnapshotRequest
from market.schedule import MissedPolicy, Moment, MomentName
from market.sessions import SessionCalendar
from strategies.base import Capital, Context, Decision, Strategy, View

FOLLOW_UP = "follow_up"
# Takes what a decision will look at and returns the digests under which it is kept.
KeepInput = Callable[[MarketSnapshot, date, datetime], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Reference:
    """What is known in advance: sessions, listings, releases."""

    calendar: SessionCalendar
    listings: Listings
    macro: MacroCalendar


class Engine:
    """Turns events into records and commands; owns the book."""

    def __init__(
        self,
        *,
        strategies: Sequence[Strategy],
        book: Book,
        risk: RiskGate,
        reference: Reference,
        tape: DailyTape,
        run_mode: str,
        record: Callable[[Record], None],
        shadows: Shadows | None = None,
        safety: SafetyParams | None = None,
        keep_input: KeepInput | None = None,
    ) -> None:
        self.book = book
        self.shadows = shadows
        self._safety = safety or SafetyParams()
        self._strategies = tuple(strategies)
        self._risk = risk
        self._reference = reference
        self._tape = tape
        self._run_mode = run_mode
        self._keep = record
        self._keep_input = keep_input
        self._listeners = Listeners()
        self._last_context: Context | None = None
        self._view_listeners: list[Callable[[str, View], None]] = []
        self._steps: Mapping[type, Callable[..., list[Command]]] = {
            MomentDue: self._moment,
            MomentSkipped: self._skipped,
            SnapshotTaken: self._snapshot,
            SnapshotFailed: self._failed,
            BrokerReported: self._reported,
            HaltAsked: self._halt_asked,
            ResumeAsked: self._resume_asked,
            FlattenAsked: self._flatten_asked,
        }

    def step(self, event: Input) -> list[Command]:
        """Record the event, apply it, let strategies decide, and return what is to be done."""
        return self._steps[type(event)](event)

    def listen(self, listener: Listener, kinds: Collection[type] | None = None) -> None:
        """Have `listener` called with every record from now on, or with those of some kinds."""
        self._listeners.add(listener, kinds)

    def listen_to_views(self, listener: Callable[[str, View], None]) -> None:
        """Have `listener` called with each strategy's name and the view it decides on."""
        self._view_listeners.append(listener)

    def recall(self, record: Record) -> None:
        """Take in a record of the past: everything that remembers changes, nothing is kept again.

        Raises:
            InvariantBroken: the record contradicts those before it.
        """
        self._tell(record)
        if self.shadows is not None:
            self.shadows.recall(record)

    def note(self, record: Record) -> None:
        """Keep a record that no event of the queue stands for: that the run began or went on."""
        self._keep(record)
        self._tell(record)

    def _tell(self, record: Record) -> None:
        self._listeners.tell(record)
        self.book.apply(record)

    def _record(self, record: Record) -> None:
        self.note(record)
        if self.shadows is not None:
            self.shadows.watch(record)

    def _moment(self, due: MomentDue) -> list[Command]:
        moment = due.moment
        self._record(MomentReached(moment.at, moment.session, moment.name, moment.release))
        if moment.name is MomentName.OPEN:
            over = safety.resumed(self.book.halt, moment.at, moment.session)
            if over is not None:
                self._record(over)
        if moment.name is MomentName.ENTRY_CUTOFF:
            return self._close_entry(moment)
        return [*self._ask(moment)]

    def foresee(self, moment: Moment) -> SnapshotRequest | None:
        """Return what would be fetched if a moment to come were now; nothing is recorded."""
        if moment.name is MomentName.ENTRY_CUTOFF:
            return None
        return next((command.request for command in self._ask(moment)), None)

    def rehearse(self, taken: SnapshotTaken) -> tuple[OptionContract, ...]:
        """Return what would be traded on a look at the market; nothing is recorded.

        What strategies propose turns on their quotes; any other look is about all that it named.
        """
        snapshot = taken.snapshot
        deciding = [each for each in self._strategies if each.name in taken.asked_by]
        others = set(taken.asked_by) - {each.name for each in deciding} - {SHADOW}
        capital = capital_of(self.book, value_book(self.book, snapshot), snapshot.levels.vix)
        view = self._view(taken.moment, snapshot, capital, None)
        intents = [intent for each in deciding for intent in each.decide(view).orders]
        legs = [leg.contract for intent in intents for leg in intent.legs]
        return tuple(dict.fromkeys([*legs, *(snapshot.quotes if others else ())]))

    def _ask(self, moment: Moment) -> list[FetchSnapshot]:
        """Fetch what strategies need, with quotes of all that is held, which capital needs."""
        context = self._context(moment)
        requests: dict[str, SnapshotRequest] = {}
        for strategy in self._strategies:
            request = strategy.needs(context)
            if request is not None:
                requests[strategy.name] = request
        shadow = None if self.shadows is None else self.shadows.needs(context)
        if shadow is not None:
            requests[SHADOW] = shadow
        if not requests and moment.name is not MomentName.HEDGE_REVIEW:
            return []
        held = SnapshotRequest(contracts=tuple(self.book.ledger.positions()))
        wanted = SnapshotRequest.joined([held, *requests.values()])
        return [FetchSnapshot(moment, tuple(requests), wanted)]

    def _context(self, moment: Moment) -> Context:
        """Return what is known before a quote: the last answer, unless moment or book changed."""
        known, last, positions = self._reference, self._last_context, self.book.positions()
        if last is None or last.moment is not moment or last.positions is not positions:
            last = Context(moment, positions, known.calendar, known.listings, known.macro)
            self._last_context = last
        return last

    def _snapshot(self, taken: SnapshotTaken) -> list[Command]:
        moment, snapshot = taken.moment, taken.snapshot
        kept: tuple[str, ...] = ()
        if self._keep_input is not None:
            kept = self._keep_input(snapshot, moment.session, moment.at)
        seen = MarketSeen(snapshot.at, moment.session, snapshot.levels, snapshot.curve, kept)
        self._record(seen)
        # Decisions change orders, never holdings, so one valuation serves the whole step.
        valuation = value_book(self.book, snapshot)
        capital = capital_of(self.book, valuation, snapshot.levels.vix)
        self._guard(moment, self._trip(capital))
        commands = self._flattened(taken, capital)
        view: View | None = None
        for strategy in self._strategies:
            if strategy.name in taken.asked_by:
                view = self._view(moment, snapshot, capital, view)
                for listener in self._view_listeners:
                    listener(strategy.name, view)
                commands += self._decided(strategy.decide(view), snapshot, capital)
        if FOLLOW_UP in taken.asked_by:
            return self._follow_up(moment, snapshot, capital)
        if SHADOW in taken.asked_by and self.shadows is not None:
            view = self._view(moment, snapshot, capital, view)
            for record in self.shadows.see(view, self.book, valuation):
                self._record(record)
        if moment.name is MomentName.HEDGE_REVIEW:
            self._record(self._equity(moment, snapshot, valuation))
        return commands

    def _equity(
        self, moment: Moment, snapshot: MarketSnapshot, valuation: Valuation
    ) -> EquityMarked:
        known = self._tape.indicators(moment.session, moment.at)
        calendar = self._reference.calendar
        thetas = temporal_thetas(self.book, snapshot, calendar, known.vix9d_sd_points)
        return mark_equity(self.book, moment, snapshot.levels, valuation, thetas)

    def _trip(self, capital: Capital) -> safety.Trip | None:
        book = self.book
        return safety.tripped(capital, book.last_nlv_usd, book.peak_nlv_usd, self._safety)

    def _guard(self, moment: Moment, trip: safety.Trip | None) -> None:
        """Halt trading on a trip, once."""
        if trip is not None and self.book.halt is None:
            calendar = self._reference.calendar
            self._record(safety.halt(trip, moment.at, moment.session, calendar, self._safety))

    def _view(
        self, moment: Moment, snapshot: MarketSnapshot, capital: Capital, last: View | None
    ) -> View:
        """Return what a decision looks at: the last view, unless the book changed since."""
        if last is not None and last.positions is self.book.positions():
            return last
        return View(
            self._context(moment),
            snapshot,
            self._tape.indicators(moment.session, moment.at),
            capital,
            self._tape.vix_closes(moment.session, moment.at),
            self._tape.spx_returns(moment.session, moment.at),
        )

    def _decided(
        self, decision: Decision, snapshot: MarketSnapshot, capital: Capital
    ) -> list[Command]:
        at, session = decision.at, decision.session
        self._record(DecisionMade(at, session, decision))
        commands: list[Command] = []
        for intent in decision.orders:
            if intent.after is None:
                commands += self._judge(intent, at, session, snapshot, capital)
        return commands

    def _judge(
        self,
        intent: OrderIntent,
        at: datetime,
        session: date,
        snapshot: MarketSnapshot,
        capital: Capital,
    ) -> list[Command]:
        order = self._identify(intent, session)
        book = self.book
        exposure = Exposure(
            capital,
            book.positions(),
            book.orders_sent(session),
            book.halt,
            book.line,
            leg_quotes(intent, snapshot),
            snapshot.at,
        )
        verdict = self._risk.judge(order, exposure)
        if isinstance(verdict, Refusal):
            self._record(verdict.of(order, at))
            return []
        self._record(OrderApproved(at, session, verdict.order, verdict.approval))
        return [SubmitOrder(verdict)]

    def _identify(self, intent: OrderIntent, session: date) -> Order:
        attempt = 1
        while True:
            name = order_id(self._run_mode, session, intent.strategy, intent.purpose, attempt)
            if name not in self.book.orders:
                return Order(name, session, intent)
            attempt += 1

    def _close_entry(self, moment: Moment) -> list[Command]:
        """End the session's entry: stop what still works, and say what came of it."""
        entries = self.book.entry_orders(moment.session)
        commands: list[Command] = [
            CancelOrder(state.order.order_id) for state in entries if state.is_active
        ]
        filled = sum(state.filled for state in entries)
        if filled:
            result, reason = EntryResult.OPENED, "FILLED"
        else:
            is_enabled = any(strategy.name == CONDOR for strategy in self._strategies)
            reason = self.book.no_entry_reason(moment.session, is_enabled=is_enabled)
            result = EntryResult.SKIPPED
        self._record(EntryClosed(moment.at, moment.session, result, reason, filled))
        return commands

    def _skipped(self, skipped: MomentSkipped) -> list[Command]:
        moment, at, reason = skipped.moment, skipped.at, skipped.reason
        self._record(MomentMissed(at, moment.session, moment.name, reason, moment.release))
        return []

    def _halt_asked(self, asked: HaltAsked) -> list[Command]:
        """Halt by a person's word, which also outlives a halt that would end by itself."""
        if self.book.halt is None or self.book.halt.until is not None:
            self._record(person.halted(asked, self._session_of(asked.at)))
        return []

    def _resume_asked(self, asked: ResumeAsked) -> list[Command]:
        if self.book.halt is not None:
            self._record(person.resumed(asked, self._session_of(asked.at), self.book.halt))
        return []

    def _session_of(self, at: datetime) -> date:
        return self._reference.calendar.on_or_after(at.date())

    def _flatten_asked(self, asked: FlattenAsked) -> list[Command]:
        """Halt, stop what works, and look at the quotes of all that is held."""
        session = self._session_of(asked.at)
        self._record(FlattenWanted(asked.at, session, asked.reason, asked.with_hedge))
        self._halt_asked(HaltAsked(asked.at, f"flattened, {asked.reason}"))
        stops = [CancelOrder(state.order.order_id) for state in self.book.working()]
        return [*stops, person.look(asked, session, self.book.ledger.positions())]

    def _flattened(self, taken: SnapshotTaken, capital: Capital) -> list[Command]:
        """Close what a person wanted closed, if this look at the market was for that."""
        holdings = self.book.ledger.holdings.values()
        decision = person.flattening(taken, self.book.positions().condors, holdings)
        return [] if decision is None else self._decided(decision, taken.snapshot, capital)

    def _failed(self, failed: SnapshotFailed) -> list[Command]:
        """Without a market there is no decision but a reasoned no."""
        moment = failed.moment
        self._record(
            MarketUnseen(moment.at, moment.session, moment.name, failed.asked_by, failed.reason)
        )
        sentence = f"No decision without a market: {failed.reason.rstrip('.')}."
        if moment.name is MomentName.ENTRY:
            self._guard(moment, safety.Trip(safety.DATA_FAULT, failed.reason.rstrip(".")))
        for name in failed.asked_by:
            decision = Decision(
                name, moment.name, moment.session, moment.at, "SKIP", "DATA", sentence
            )
            self._record(DecisionMade(moment.at, moment.session, decision))
        return []

    def _reported(self, reported: BrokerReported) -> list[Command]:
        event = reported.event
        self._record(event)
        return self._released(event.at) if isinstance(event, OrderFilled | LineChanged) else []

    def _released(self, at: datetime) -> list[Command]:
        """Look at the market for what waited for a fill, once the line can be trusted: it is
        judged on the market of now, not on that of its decision."""
        ready = self.book.ready_follow_ups() if self.book.line is LineState.READY else ()
        if not ready:
            return []
        first = ready[0]
        moment = Moment(first.moment, at, first.session, MissedPolicy.SKIP, timedelta(0))
        seen = dict.fromkeys(self.book.ledger.positions())
        seen |= dict.fromkeys(leg.contract for each in ready for leg in each.intent.legs)
        return [FetchSnapshot(moment, (FOLLOW_UP,), SnapshotRequest(contracts=tuple(seen)))]

    def _follow_up(
        self, moment: Moment, snapshot: MarketSnapshot, capital: Capital
    ) -> list[Command]:
        commands: list[Command] = []
        for intent in [waiting.intent for waiting in self.book.ready_follow_ups()]:
            commands += self._judge(intent, moment.at, moment.session, snapshot, capital)
        return commands
