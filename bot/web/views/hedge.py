"""The hedge page: layers against their targets, age, cost, greeks, convexity and coming rolls."""

from datetime import date, timedelta

from bot.book import Book
from bot.events import MarketSeen
from bot.hedge_json import as_json_object
from bot.hedge_view import Reviewed, view_on
from bot.web.facts import Facts
from bot.web.scene import Scene
from bot.web.views.overview import market
from bot.web.views.plain import Json, figure, instant, usd
from market.quotes import MarketSnapshot
from strategies.base import HoldingKind, Layer, LayerPosition
from strategies.ladder import LayerTarget, targets
from strategies.sizing import wanted_contracts


def hedge_page(facts: Facts, scene: Scene) -> Json:
    """Return the object of `/api/hedge`."""
    book = facts.book
    return {
        "seq": facts.seq,
        "now": instant(scene.now),
        "market": market(facts, scene),
        "plan": None if book is None else _plan(book),
        "layers": [] if book is None else _layers(book, scene),
        "positions": [] if book is None else _positions(book, scene),
        "rolls": [] if book is None else _rolls(book, scene),
        "convexity": _convexity(facts, scene),
        "value": _value_curve(facts),
        "decision": _sentence(facts),
    }


def _plan(book: Book) -> Json | None:
    plan = book.plan
    if plan is None:
        return None
    return {
        "session": plan.session.isoformat(),
        "planned_condors": plan.planned_condors,
        "units": plan.units,
    }


def _layers(book: Book, scene: Scene) -> list[Json]:
    """Return each layer's aim and how far what is held has drifted from it."""
    params, positions = scene.almanac.settings.alvh, book.positions()
    wanted = {} if book.plan is None else wanted_contracts(book.plan, params)
    rows = list[Json]()
    for target in targets(params):
        held = [each for each in positions.layers if each.layer is target.layer]
        base = [each for each in held if each.kind is HoldingKind.BASE]
        rows.append(
            {
                "layer": target.layer,
                "target_contracts": wanted.get(target.layer),
                "base_contracts": sum(each.contracts for each in base),
                "held_contracts": sum(each.contracts for each in held),
                "target_delta": target.delta,
                "delta": _mean_delta(base, scene.snapshot),
                "target_tenor_days": target.tenor_days,
                "roll_dte": target.roll_dte,
                "nearest_dte": min((each.dte(scene.session) for each in base), default=None),
            }
        )
    return rows


def _mean_delta(held: list[LayerPosition], snapshot: MarketSnapshot | None) -> float | None:
    """Return the mean delta per contract, None when nothing is held or one is unquoted."""
    if snapshot is None or not held:
        return None
    total, count = 0.0, 0
    for each in held:
        quote = snapshot.quotes.get(each.contract)
        if quote is None or quote.delta is None:
            return None
        total, count = total + quote.delta * each.contracts, count + each.contracts
    return figure(total / count, 4) if count else None


def _positions(book: Book, scene: Scene) -> list[Json]:
    """Return every series held: age, cost, worth and what both make."""
    rows, order = list[Json](), tuple(Layer)
    for held in sorted(book.positions().layers, key=lambda each: order.index(each.layer)):
        quote = None if scene.snapshot is None else scene.snapshot.quotes.get(held.contract)
        mid = None if quote is None else quote.mid
        size = held.contracts * held.contract.multiplier
        rows.append(
            {
                "layer": held.layer,
                "kind": held.kind,
                "contract": held.contract.symbol,
                "contracts": held.contracts,
                "opened": held.opened.isoformat(),
                "age_days": (scene.session - held.opened).days,
                "dte": held.dte(scene.session),
                "paid_usd": usd(held.paid_premium_usd),
                "mid": figure(mid, 4),
                "value_usd": None if mid is None else usd(mid * size),
                "pnl_usd": None if mid is None else usd(mid * size - float(held.paid_premium_usd)),
                "delta": None if quote is None else figure(quote.delta, 4),
                "iv": None if quote is None else figure(quote.iv, 4),
            }
        )
    return rows


def _rolls(book: Book, scene: Scene) -> list[Json]:
    """Return when each base position comes to its roll, soonest first (R-22)."""
    aims = {target.layer: target for target in targets(scene.almanac.settings.alvh)}
    rows = [
        (_roll_on(held, aims[held.layer], scene), held)
        for held in book.positions().layers
        if held.kind is HoldingKind.BASE
    ]
    return [
        {
            "roll_on": day.isoformat(),
            "days_left": (day - scene.session).days,
            "layer": held.layer,
            "contract": held.contract.symbol,
            "contracts": held.contracts,
        }
        for day, held in sorted(rows, key=lambda row: (row[0], row[1].layer))
    ]


def _roll_on(held: LayerPosition, target: LayerTarget, scene: Scene) -> date:
    day = held.contract.expiry - timedelta(days=target.roll_dte)
    return scene.almanac.calendar.on_or_after(max(day, scene.session))


def _convexity(facts: Facts, scene: Scene) -> Json | None:
    """Return the convexity profile of what is held on the market of now (R-28)."""
    book, snapshot = facts.book, scene.snapshot
    if book is None or snapshot is None or not book.positions().layers:
        return None
    seen = MarketSeen(snapshot.at, scene.session, snapshot.levels, snapshot.curve)
    reviewed = Reviewed(book, seen, "")
    told = as_json_object(view_on(reviewed, snapshot, scene.almanac.settings, None))
    kept = ("shocks", "payoff_usd", "slope_usd", "amm_slope", "amm_depth", "amm_fit_rms")
    more = ("steepening_ratio", "saturation_usd", "coverage", "coverage_condors", "layers")
    return {key: told[key] for key in kept + more}


def _value_curve(facts: Facts) -> Json:
    """Return what the hedge was worth, and what it made in all, by session."""
    marks = facts.equity[-260:]
    return {
        "sessions": [mark.session.isoformat() for mark in marks],
        "value_usd": [usd(mark.hedge_value_usd) for mark in marks],
        "pnl_usd": [usd(mark.hedge_pnl_usd) for mark in marks],
    }


def _sentence(facts: Facts) -> str | None:
    found = (line.sentence for line in reversed(facts.decisions) if line.strategy == "alvh")
    return next(found, None)
