"""Projections: what each record changes in the tables that people query.

Orders and positions are written as the book has them, so that no second copy of their rules can
disagree with it. Nothing outlives the transaction it belongs to.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, update

from bot.book import Book, OrderState
from bot.events import DecisionMade, EntryClosed, EquityMarked, OrderApproved, Record
from bot.journal import schema
from bot.ledger import Holding
from market.orders import (
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRepriced,
    PositionSettled,
)

Row = dict[str, Any]
POSITION_CHANGERS = (OrderFilled, PositionSettled)
ORDER_CHANGERS = (OrderAccepted, OrderRejected, OrderFilled, OrderCancelled, OrderRepriced)


class Projector:
    """Collects the rows of one transaction and writes them in bulk."""

    def __init__(self) -> None:
        self._rows: dict[Table, list[Row]] = defaultdict(list)
        self._new_orders: list[str] = []
        self._changed_orders: dict[str, None] = {}
        self._positions_changed = False
        self._makers: dict[type, Callable[[int, Any], None]] = {
            DecisionMade: self._decision,
            OrderFilled: self._fill,
            PositionSettled: self._settlement,
            EntryClosed: self._session,
            EquityMarked: self._equity,
        }

    def add(self, seq: int, record: Record) -> None:
        """Take in one record."""
        maker = self._makers.get(type(record))
        if maker is not None:
            maker(seq, record)
        if isinstance(record, OrderApproved):
            self._new_orders.append(record.order.order_id)
        elif isinstance(record, ORDER_CHANGERS):
            self._changed_orders[record.order_id] = None
        if isinstance(record, POSITION_CHANGERS):
            self._positions_changed = True

    def write(self, connection: Connection, book: Book) -> None:
        """Write what was collected, orders and positions as the book has them now."""
        self._write_orders(connection, book)
        for table, rows in self._rows.items():
            connection.execute(insert(table), rows)
        self._rows.clear()
        if self._positions_changed:
            connection.execute(delete(schema.POSITIONS))
            rows = [position_row(holding) for holding in book.ledger.holdings.values()]
            if rows:
                connection.execute(insert(schema.POSITIONS), rows)
            self._positions_changed = False

    def _write_orders(self, connection: Connection, book: Book) -> None:
        """Insert new orders and update older ones; one that broke the book is in no table."""
        orders = book.orders
        fresh = [order_row(orders[name]) for name in self._new_orders if name in orders]
        if fresh:
            connection.execute(insert(schema.ORDERS), fresh)
        for name in self._changed_orders.keys() - set(self._new_orders):
            if name in orders:
                where = schema.ORDERS.c.order_id == name
                values = _order_progress(orders[name])
                connection.execute(update(schema.ORDERS).where(where).values(**values))
        self._new_orders.clear()
        self._changed_orders.clear()

    def _decision(self, seq: int, record: DecisionMade) -> None:
        decision = record.decision
        self._rows[schema.DECISIONS].append(
            {
                "seq": seq,
                "session": record.session.isoformat(),
                "at": record.at.isoformat(),
                "strategy": decision.strategy,
                "moment": decision.moment,
                "action": decision.action,
                "reason": decision.reason,
                "sentence": decision.sentence,
            }
        )

    def _fill(self, _seq: int, record: OrderFilled) -> None:
        self._rows[schema.FILLS].append(
            {
                "fill_id": record.fill_id,
                "order_id": record.order_id,
                "at": record.at.isoformat(),
                "quantity": record.quantity,
                "credit": str(record.credit),
                "mid_credit": None if record.mid_credit is None else str(record.mid_credit),
                "commission_usd": str(record.commission_usd),
                "exchange_fees_usd": str(record.exchange_fees_usd),
            }
        )

    def _settlement(self, seq: int, record: PositionSettled) -> None:
        self._rows[schema.SETTLEMENTS].append(
            {
                "seq": seq,
                "at": record.at.isoformat(),
                "contract": record.contract.symbol,
                "position": record.position,
                "value_points": str(record.value_points),
                "cash_usd": str(record.cash_usd),
            }
        )

    def _session(self, _seq: int, record: EntryClosed) -> None:
        self._rows[schema.SESSIONS].append(
            {
                "session": record.session.isoformat(),
                "entry_result": record.result,
                "entry_reason": record.reason,
                "condors": record.quantity,
            }
        )

    def _equity(self, _seq: int, record: EquityMarked) -> None:
        session = record.session.isoformat()
        self._rows[schema.EQUITY].append(
            {
                "session": session,
                "spx": record.spx,
                "vix": record.vix,
                "nlv_usd": str(record.nlv_usd),
                "unhedged_nlv_usd": str(record.unhedged_nlv_usd),
                "cash_usd": str(record.cash_usd),
                "condor_value_usd": str(record.condor_value_usd),
                "hedge_value_usd": str(record.hedge_value_usd),
                "fees_usd": str(record.fees_usd),
            }
        )
        for mark in record.layers:
            self._rows[schema.HEDGE_LAYERS].append(
                {
                    "session": session,
                    "campaign": mark.campaign,
                    "layer": mark.layer,
                    "contract": mark.contract,
                    "position": mark.position,
                    "mark_points": mark.mark_points,
                    "delta": mark.delta,
                    "value_usd": str(mark.value_usd),
                }
            )


def order_row(state: OrderState) -> Row:
    """Return an order as the table of orders shows it."""
    order, intent = state.order, state.order.intent
    return {
        "order_id": order.order_id,
        "session": order.session.isoformat(),
        "strategy": intent.strategy,
        "purpose": intent.purpose,
        "campaign": intent.campaign,
        "layer": intent.layer,
        "legs": ", ".join(f"{leg.ratio:+d} {leg.contract.symbol}" for leg in intent.legs),
        "quantity": intent.quantity,
        **_order_progress(state),
    }


def _order_progress(state: OrderState) -> Row:
    return {
        "limit_credit": str(state.limit_credit),
        "status": state.status,
        "filled": state.filled,
    }


def position_row(holding: Holding) -> Row:
    """Return a holding as the table of positions shows it."""
    return {
        "strategy": holding.strategy,
        "campaign": holding.campaign,
        "layer": holding.layer or "",
        "contract": holding.contract.symbol,
        "position": holding.position,
        "paid_usd": str(holding.paid_usd),
        "opened": holding.opened.isoformat(),
    }
