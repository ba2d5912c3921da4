"""The orders page: every order with its fills, and one order's price diary."""

from decimal import Decimal

from bot.journal.projections import order_row
from bot.order_states import OrderState
from bot.telling import tell
from bot.web.facts import Facts, OrderStory
from bot.web.views.plain import Json, figure, instant, usd
from market.orders import FillReviewed, OrderFilled, OrderLooked, OrderRepriced

ORDERS_SHOWN = 50


def orders_page(facts: Facts, before: str | None = None, limit: int = ORDERS_SHOWN) -> Json:
    """Return the object of `/api/orders`, newest first; `before` is the last id of a page."""
    states = [] if facts.book is None else list(reversed(facts.book.orders.values()))
    names = [state.order.order_id for state in states]
    start = names.index(before) + 1 if before in names else 0
    shown = states[start : start + limit]
    is_more = start + limit < len(states)
    return {
        "seq": facts.seq,
        "total": len(states),
        "orders": [order_object(facts, state) for state in shown],
        "before": shown[-1].order.order_id if is_more else None,
    }


def order_object(facts: Facts, state: OrderState) -> Json:
    """Return one order as the table shows it."""
    story = facts.stories.get(state.order.order_id)
    records = [] if story is None else story.records
    fills = [record for record in records if isinstance(record, OrderFilled)]
    row = order_row(state)
    return {
        **row,
        "limit_credit": figure(Decimal(row["limit_credit"]), 4),
        "approved_at": None if story is None else instant(story.approved_at),
        "average_credit": figure(state.average_credit, 4) if state.filled else None,
        "fees_usd": usd(_fees(facts, fills)),
        "slippage_points": _slippage(fills),
        "looks": sum(isinstance(record, OrderLooked) for record in records),
    }


def _fees(facts: Facts, fills: list[OrderFilled]) -> Decimal:
    """Return what the fills cost by the last word on each: a broker charges after it has filled."""
    known = {} if facts.book is None else facts.book.fill_fees_usd
    return sum((known.get(fill.fill_id, fill.fees_usd) for fill in fills), Decimal(0))


def _slippage(fills: list[OrderFilled]) -> float | None:
    """Return fills against mid per combo, points, above 0 worse for us; None when unknown."""
    known = [(fill.quantity, fill.mid_credit, fill.credit) for fill in fills]
    count = sum(quantity for quantity, _, _ in known)
    if not count:
        return None
    lost = Decimal(0)
    for quantity, mid, credit in known:
        if mid is None:
            return None
        lost += quantity * (mid - credit)
    return figure(lost / count, 4)


def order_detail(facts: Facts, order_id: str) -> Json | None:
    """Return one order with its diary, None when the journal knows no such order."""
    if facts.book is None or order_id not in facts.book.orders:
        return None
    story = facts.stories.get(order_id)
    shown = order_object(facts, facts.book.orders[order_id])
    diary = [] if story is None else _diary(order_id, story)
    return {"seq": facts.seq, **shown, "diary": diary}


def _diary(order_id: str, story: OrderStory) -> list[Json]:
    lines = list[Json]()
    for record in story.records:
        line: Json = {
            "at": instant(record.at),
            "sentence": _without_name(tell(record).sentence, order_id),
            "limit_credit": None,
            "natural_credit": None,
            "mid_credit": None,
        }
        if isinstance(record, OrderLooked):
            line["limit_credit"] = figure(record.limit_credit, 4)
            line["natural_credit"] = figure(record.natural_credit, 4)
            line["mid_credit"] = figure(record.mid_credit, 4)
        elif isinstance(record, OrderRepriced):
            line["limit_credit"] = figure(record.limit_credit, 4)
        elif isinstance(record, OrderFilled | FillReviewed):
            line["mid_credit"] = figure(record.mid_credit, 4)
        lines.append(line)
    return lines


def _without_name(sentence: str, order_id: str) -> str:
    """Return a sentence of an order's own diary, where its name goes without saying."""
    short = sentence.replace(f"{order_id}/", "fill ").replace(f"Order {order_id}", "Order")
    return short.replace(f" of {order_id}", "")
