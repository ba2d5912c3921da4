"""The daily scans of open condors: hold, roll forward, roll back, or stop (R-15, R-17, R-18, R-33).

Every allowed transition is valued by one model and logged; the rules alone choose. A shift is two
orders: the old condor is bought back first, and only once that filled is the new one sold.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from market.instruments import TradingClass
from market.orders import OrderIntent
from market.quotes import SnapshotRequest
from market.schedule import MomentName
from strategies import time_shift
from strategies.base import CondorPosition, Context, Decision, JsonValue, Transition, View
from strategies.params import MethodParams, ShiftLegs
from strategies.shift_orders import BOOK, CLOSE, STOP, buy_back, named, one_side, sell_anew, shifted
from strategies.shift_value import Scene, ShiftValues
from strategies.time_shift import Shift, Threat
from strategies.volatility import expected_range

NAME = "shift"
SCANS = frozenset(
    {
        MomentName.THREAT_SCAN_1,
        MomentName.THREAT_SCAN_2,
        MomentName.THREAT_SCAN_3,
        MomentName.THREAT_SCAN_4,
    }
)
BARS_NEEDED = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scan came to for one condor: action, reason, sentence, orders, and all it valued."""

    action: str
    reason: str
    sentence: str
    taken: str
    transitions: tuple[Transition, ...]
    facts: dict[str, JsonValue]
    orders: tuple[OrderIntent, ...] = ()


class ShiftStrategy:
    """Scans open condors four times a session; holds parameters only."""

    name = NAME

    def __init__(self, params: MethodParams) -> None:
        self._params = params
        self._values = ShiftValues(params)

    def needs(self, context: Context) -> SnapshotRequest | None:
        """Ask for the chains that a shift could move to, while a condor concerns this scan."""
        if context.moment.name not in SCANS:
            return None
        concerned = self._concerned(context)
        if not concerned:
            return None
        expiries = set(time_shift.forward_expiries(context, self._params))
        is_shifted = any(time_shift.shift_count(each.campaign) for each in concerned)
        if is_shifted:
            expiries |= set(time_shift.back_expiries(context, self._params))
        chains = tuple((TradingClass.SPXW, expiry) for expiry in sorted(expiries))
        return SnapshotRequest(chains=chains, bars=BARS_NEEDED if is_shifted else 0)

    def _concerned(self, context: Context) -> list[CondorPosition]:
        """Return condors that expire today, and shifted ones of any expiry."""
        shift, stop = self._params.shift, self._params.condor.stop_credit_multiple
        return [
            position
            for position in context.positions.condors
            if (position.expiry == context.session and (shift.enabled or stop))
            or (shift.back_enabled and time_shift.shift_count(position.campaign))
        ]

    def decide(self, view: View) -> Decision:
        """Return what the scan came to; of several condors one acts at a scan, all are valued."""
        concerned = self._concerned(view.context)
        if any(intent.strategy == BOOK for intent in view.positions.working):
            waiting = Verdict("HOLD", "WORKING", "The scan waits for working orders.", "", (), {})
            return self._decision(view, waiting)
        verdicts = [self._judge(self._scene(view, position)) for position in concerned]
        if view.positions.is_halted:
            verdicts = [_held_back(verdict) for verdict in verdicts]
        return self._decision(view, *_acting_first(verdicts))

    def _scene(self, view: View, position: CondorPosition) -> Scene:
        levels = view.snapshot.levels
        close_at: datetime = view.context.calendar.session(view.session).cash_close_at
        return Scene(
            view,
            position,
            expected_range(levels, view.indicators.hv20 or levels.vix, self._params.edr),
            levels.spx,
            self._params.costs.slippage_points(levels.vix),
            (close_at - view.at) / timedelta(hours=1),
        )

    def _judge(self, scene: Scene) -> Verdict:
        view, position = scene.view, scene.position
        debit = time_shift.closing_debit(position, view.snapshot.quotes)
        if debit is None:
            why = "it has no usable quotes"
            return Verdict("HOLD", "DATA", f"{named(position)} is held: {why}.", "expire", (), {})
        expire = self._values.expire(scene)
        facts = self._facts(scene, debit)
        if self._is_stopped(position, debit):
            return self._stop(scene, debit, expire, facts)
        if time_shift.shift_count(position.campaign) and position.expiry != view.session:
            return self._back(scene, debit, expire, facts)
        return self._forward(scene, debit, expire, facts)

    def _facts(self, scene: Scene, debit: float) -> dict[str, JsonValue]:
        view = scene.view
        facts: dict[str, JsonValue] = {
            "campaign": scene.position.campaign,
            "spx": round(scene.spx, 4),
            "vix": round(view.snapshot.levels.vix, 4),
            "edr_frac": round(scene.expected.frac, 8),
            "hours_left": round(scene.hours_left, 4),
            "closing_debit_points": round(debit, 4),
        }
        for threat in self._threats(scene):
            side = threat.side.name.lower()
            facts[f"{side}_delta"] = round(threat.delta, 4)
            facts[f"{side}_distance_points"] = round(threat.distance_points, 4)
            facts[f"{side}_is_threatened"] = threat.is_threatened
        return facts

    def _threats(self, scene: Scene) -> tuple[Threat, ...]:
        quotes = scene.view.snapshot.quotes
        return time_shift.threats(
            scene.position, quotes, scene.spx, scene.edr_points, scene.hours_left, self._params
        )

    def _is_stopped(self, position: CondorPosition, debit: float) -> bool:
        multiple = self._params.condor.stop_credit_multiple
        return multiple > 0 and debit - float(position.credit) >= multiple * float(position.credit)

    def _stop(
        self, scene: Scene, debit: float, expire: Transition, facts: dict[str, JsonValue]
    ) -> Verdict:
        value = round(-debit * scene.usd_per_point, 2)
        stop = Transition("stop", True, value, f"buy back for {debit:.2f}")
        sentence = (
            f"{named(scene.position)} is stopped: buying it back costs {debit:.2f}, "
            f"{self._params.condor.stop_credit_multiple:g} credits more than it brought."
        )
        orders = (buy_back(scene.position, debit, scene.view.at, STOP),)
        return Verdict("STOP", "STOP", sentence, "stop", (expire, stop), facts, orders)

    def _forward(
        self, scene: Scene, debit: float, expire: Transition, facts: dict[str, JsonValue]
    ) -> Verdict:
        position, vix = scene.position, scene.view.snapshot.levels.vix
        name = named(position)
        sides = [side for side in ("put", "call") if facts.get(f"{side}_is_threatened")]
        if not sides:
            return Verdict("HOLD", "SAFE", f"{name} is not threatened.", "expire", (expire,), facts)
        threat = f"{' and '.join(sides)} side threatened"
        if not self._params.shift.enabled:
            why = f"{threat}, but time shifts are switched off"
            return Verdict("HOLD", "NO_SHIFTS", f"{name}: {why}.", "expire", (expire,), facts)
        if not time_shift.is_triggered(scene.expected.frac, vix, self._params):
            why = (
                f"{threat}, but volatility is low (range {scene.expected.frac:.2%}, VIX {vix:.1f})"
            )
            return Verdict("HOLD", "CALM", f"{name}: {why}.", "expire", (expire,), facts)
        if time_shift.shift_count(position.campaign) >= self._params.shift.max_shifts:
            why = f"{threat}, but it was shifted {self._params.shift.max_shifts} times already"
            return Verdict("HOLD", "MAX_SHIFTS", f"{name}: {why}.", "expire", (expire,), facts)
        return self._shift_or_hold(scene, debit, expire, facts, threat)

    def _shift_or_hold(
        self,
        scene: Scene,
        debit: float,
        expire: Transition,
        facts: dict[str, JsonValue],
        threat: str,
    ) -> Verdict:
        name = named(scene.position)
        moved = self._moved(scene)
        moved_debit = debit if moved is scene.position else self._debit_of(scene, moved)
        target = time_shift.cost_to_cover(moved_debit, self._params)
        shift, best = self._search(scene, moved, target)
        facts["shift_target_points"] = round(target, 4)
        if shift is None:
            short = target - best
            facts["shortfall_points"] = round(short, 4)
            detail = f"no expiry pays {target:.2f}, the best pays {best:.2f}"
            infeasible = Transition("shift_forward", False, 0.0, detail)
            sentence = f"{name}: {threat}, but {detail}; held, short by {short:.2f}."
            return Verdict(
                "HOLD", "SHIFT_INFEASIBLE", sentence, "expire", (expire, infeasible), facts
            )
        return self._shift(scene, moved, moved_debit, shift, expire, facts, threat)

    def _moved(self, scene: Scene) -> CondorPosition:
        """Return what a shift moves: the whole condor, or its losing side alone."""
        if self._params.shift.legs is ShiftLegs.WHOLE_CONDOR:
            return scene.position
        return one_side(scene.position, time_shift.losing_side(self._threats(scene)))

    def _debit_of(self, scene: Scene, moved: CondorPosition) -> float:
        debit = time_shift.closing_debit(moved, scene.view.snapshot.quotes)
        assert debit is not None  # its legs are among those quoted a moment ago
        return debit

    def _search(
        self, scene: Scene, moved: CondorPosition, target: float
    ) -> tuple[Shift | None, float]:
        expiries = time_shift.forward_expiries(scene.view.context, self._params)
        return self._search_in(scene, moved, target, expiries)

    def _search_in(
        self, scene: Scene, moved: CondorPosition, target: float, expiries: tuple[object, ...]
    ) -> tuple[Shift | None, float]:
        found = scene.view.snapshot.chains
        chains = [
            chain
            for (kind, expiry), chain in found.items()
            if kind is TradingClass.SPXW and expiry in expiries
        ]
        chains.sort(key=lambda chain: chain.expiry)
        sides = tuple(short.right for short in moved.shorts)
        return time_shift.find_shift(
            chains, sides, target, scene.slippage, scene.edr_points, self._params
        )

    def _shift(
        self,
        scene: Scene,
        moved: CondorPosition,
        debit: float,
        shift: Shift,
        expire: Transition,
        facts: dict[str, JsonValue],
        threat: str,
    ) -> Verdict:
        name, credit, at = named(scene.position), shift.credit_points, scene.view.at
        new = self._shifted(scene, moved, shift)
        forward = self._values.valued(scene, debit, credit, new)
        refusal = self._values.refusal(scene, moved, debit, credit, new)
        facts |= self._terms(shift, debit)
        if refusal is not None:
            reason, why = refusal
            blocked = Transition("shift_forward", False, forward.value_usd, why)
            sentence = f"{name}: {threat}, but {why}; held."
            return Verdict("HOLD", reason, sentence, "expire", (expire, blocked), facts)
        sentence = (
            f"{name}: {threat}; rolled to {shift.expiry:%a %d %b} for {credit:.2f} against "
            f"{debit:.2f} to close, {credit - debit:+.2f} net."
        )
        orders = (buy_back(moved, debit, at, CLOSE), sell_anew(new, credit, at, self._params.costs))
        return Verdict(
            "SHIFT", "SHIFT_FORWARD", sentence, "shift_forward", (expire, forward), facts, orders
        )

    def _terms(self, shift: Shift, debit: float) -> dict[str, JsonValue]:
        return {
            "shift_expiry": shift.expiry.isoformat(),
            "shift_credit_points": round(shift.credit_points, 4),
            "shift_net_points": round(shift.credit_points - debit, 4),
            "shift_short_put": shift.put_strike,
            "shift_short_call": shift.call_strike,
        }

    def _back(
        self, scene: Scene, debit: float, expire: Transition, facts: dict[str, JsonValue]
    ) -> Verdict:
        """R-18: once the range is narrow and SPX is back beyond its VWAP, shorten the shift."""
        name, position, at = named(scene.position), scene.position, scene.view.at
        side = time_shift.losing_side(self._threats(scene))
        is_back = time_shift.recovered(scene.view, side)
        is_narrow = scene.expected.frac < self._params.edr.shift_threshold_frac
        facts["is_recovered"] = is_back
        if time_shift.shift_count(position.campaign) >= self._params.shift.max_shifts:
            why = f"it was shifted {self._params.shift.max_shifts} times already"
            return Verdict(
                "HOLD", "MAX_SHIFTS", f"{name} stays: {why}.", "expire", (expire,), facts
            )
        if not is_narrow or not is_back:
            why = "the range is still wide" if not is_narrow else "SPX has not crossed its VWAP"
            return Verdict("HOLD", "SHIFTED", f"{name} stays: {why}.", "expire", (expire,), facts)
        expiries = time_shift.back_expiries(scene.view.context, self._params)
        earlier = tuple(expiry for expiry in expiries if expiry < position.expiry)
        shift, best = self._search_in(scene, position, debit, earlier)
        if shift is None:
            detail = f"no nearer expiry pays the {debit:.2f} it costs, the best pays {best:.2f}"
            infeasible = Transition("shift_back", False, 0.0, detail)
            return Verdict(
                "HOLD", "BACK_INFEASIBLE", f"{name} stays: {detail}.", "expire",
                (expire, infeasible), facts,
            )  # fmt: skip
        new = self._shifted(scene, position, shift)
        valued = self._values.valued(scene, debit, shift.credit_points, new)
        back = Transition("shift_back", True, valued.value_usd, valued.detail)
        sentence = (
            f"{name}: calm again; rolled back to {shift.expiry:%a %d %b} for "
            f"{shift.credit_points:.2f} against {debit:.2f} to close."
        )
        orders = (
            buy_back(position, debit, at, CLOSE),
            sell_anew(new, shift.credit_points, at, self._params.costs),
        )
        facts |= self._terms(shift, debit)
        return Verdict("SHIFT", "SHIFT_BACK", sentence, "shift_back", (expire, back), facts, orders)

    def _shifted(self, scene: Scene, moved: CondorPosition, shift: Shift) -> CondorPosition:
        width = self._params.condor.wing_width_points
        return shifted(moved, shift, scene.view.session, width)

    def _decision(self, view: View, verdict: Verdict, *others: Verdict) -> Decision:
        every = (verdict, *others)
        regret = sum(time_shift.regret_usd(each.transitions, each.taken) for each in every)
        facts = verdict.facts | {"regret_usd": round(regret, 2)}
        return Decision(
            NAME,
            view.context.moment.name,
            view.session,
            view.at,
            verdict.action,
            verdict.reason,
            " ".join(each.sentence for each in every),
            (),
            facts,
            None,
            verdict.orders,
            None,
            tuple(way for each in every for way in each.transitions),
        )


def _acting_first(verdicts: list[Verdict]) -> list[Verdict]:
    """Return the verdicts with the one that acts first; others that would act wait a scan."""
    acting = next((verdict for verdict in verdicts if verdict.orders), None)
    if acting is None:
        return verdicts
    others = [_waiting(each) if each.orders else each for each in verdicts if each is not acting]
    return [acting, *others]


def _waiting(verdict: Verdict) -> Verdict:
    sentence = f"{verdict.sentence.rstrip('.')}, once the other condor's orders are done."
    return replace(verdict, action="HOLD", reason="WAITS", sentence=sentence, orders=())


def _held_back(verdict: Verdict) -> Verdict:
    """Return the verdict of a halted account: a shift could not be opened again, so none starts."""
    if not verdict.orders or verdict.action == "STOP":
        return verdict
    sentence = f"Trading is halted, so nothing is shifted: {verdict.sentence}"
    return replace(verdict, action="HOLD", reason="HALTED", sentence=sentence, orders=())
