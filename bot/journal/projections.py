"""Projections: what each record changes in the tables that people query.

Orders and positions are written as the book has them, so that no second copy of their rules can
disagree with it. Nothing outlives the transaction it belongs to.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import Table, bindparam, delete, update

from bot.book import Book
from bot.events import (
    BooksAdopted,
    DecisionMade,
    EntryClosed,
    EquityMarked,
    OrderApproved,
    Record,
    RunResumed,
    RunStarted,
)
from bot.journal import schema
from bot.journal.statements import Statements
from bot.ledger import Holding, Ledger
from bot.order_states import OrderState
from market.orders import (
    FillCharged,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRepriced,
    PositionSettled,
)

Row = dict[str, Any]
POSITION_CHANGERS = (OrderFilled, FillCharged, PositionSettled, BooksAdopted)
ORDER_CHANGERS = (OrderAccepted, OrderRejected, OrderFilled, OrderCancelled, OrderRepriced)


# A review that is made up for replaces the one before it.
_RENEWED = {
    table: delete(table).where(table.c.session == bindparam("session"))
    for table in (schema.SESSIONS, schema.EQUITY, schema.HEDGE_LAYERS)
}
_PROGRESS = (
    update(schema.ORDERS)
    .where(schema.ORDERS.c.order_id == bindparam("name"))
    .values({key: bindparam(key) for key in ("limit_credit", "status", "filled")})
)
_CHARGE = (
    update(schema.FILLS)
    .where(schema.FILLS.c.fill_id == bindparam("name"))
    .values({key: bindparam(key) for key in ("commission_usd", "exchange_fees_usd")})
)


class Projector:
    """Collects the rows of one transaction and writes them in bulk."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._rows: dict[Table, list[Row]] = defaultdict(list)
        self._new_orders: list[str] = []
        self._changed_orders: dict[str, None] = {}
        self._positions_changed = False
        self._charges: list[FillCharged] = []
        self._makers: dict[type, Callable[[int, Any], None]] = {
            DecisionMade: self._decision,
            OrderFilled: self._fill,
            PositionSettled: self._settlement,
            EntryClosed: self._session,
            EquityMarked: self._equity,
            RunStarted: self._run,
            RunResumed: self._run,
        }

    def add(self, seq: int, record: Record) -> None:
        """Take in one record, before the book does."""
        maker = self._makers.get(type(record))
        if maker is not None:
            maker(seq, record)
        if isinstance(record, OrderApproved):
            self._new_orders.append(record.order.order_id)
        elif isinstance(record, ORDER_CHANGERS):
            self._changed_orders[record.order_id] = None
        elif isinstance(record, BooksAdopted):
            self._changed_orders |= dict.fromkeys(record.ended_orders)
        if isinstance(record, FillCharged):
            self._charges.append(record)
        if isinstance(record, POSITION_CHANGERS):
            self._positions_changed = True

    def write(self, statements: Statements) -> None:
        """Write what was collected, orders, positions and purses as the book has them now."""
        self._write_orders(statements)
        for table, rows in self._rows.items():
            if table in _RENEWED:
                sessions = dict.fromkeys(row["session"] for row in rows)
                statements.run(_RENEWED[table], [{"session": each} for each in sessions])
            statements.insert(table, rows)
        self._write_charges(statements)
        if self._positions_changed:
            ledger = self._book.ledger
            held = [position_row(holding) for holding in ledger.holdings.values()]
            _replace(statements, schema.POSITIONS, held)
            _replace(statements, schema.PURSES, purse_rows(ledger))

    def clear(self) -> None:
        """Forget what was collected, once it is durable."""
        self._rows.clear()
        self._new_orders.clear()
        self._changed_orders.clear()
        self._charges.clear()
        self._positions_changed = False

    def _write_orders(self, statements: Statements) -> None:
        """Insert new orders and update older ones; one that broke the book is in no table."""
        if not self._new_orders and not self._changed_orders:
            return
        orders = self._book.orders
        fresh = [order_row(orders[name]) for name in self._new_orders if name in orders]
        if fresh:
            statements.insert(schema.ORDERS, fresh)
        older = self._changed_orders.keys() - set(self._new_orders)
        changed = [
            {"name": name, **_order_progress(orders[name])}
            for name in self._changed_orders
            if name in older and name in orders
        ]
        if changed:
            statements.run(_PROGRESS, changed)

    def _run(self, seq: int, record: RunStarted | RunResumed) -> None:
        self._rows[schema.RUNS].append(
            {
                "seq": seq,
                "at": record.at.isoformat(),
                "version": record.version,
                "profile": record.profile,
                "config_hash": record.config_hash,
                "is_resumed": int(isinstance(record, RunResumed)),
            }
        )

    def _write_charges(self, statements: Statements) -> None:
        """Replace the charges of fills that became known later."""
        charges = [
            {
                "name": charge.fill_id,
                "commission_usd": str(charge.commission_usd),
                "exchange_fees_usd": str(charge.exchange_fees_usd),
            }
            for charge in self._charges
        ]
        if charges:
            statements.run(_CHARGE, charges)

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
        if record.fill_id in self._book.fill_fees_usd:
            return  # told twice, booked once
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


def purse_rows(ledger: Ledger) -> list[Row]:
    """Return the cash flow and fees of each strategy that traded, as the table of purses shows
    them."""
    return [
        {"strategy": name, "cash_usd": str(purse.cash_usd), "fees_usd": str(purse.fees_usd)}
        for name, purse in ledger.purses.items()
        if purse.cash_usd or purse.fees_usd
    ]


def _replace(statements: Statements, table: Table, rows: list[Row]) -> None:
    statements.empty(table)
    if rows:
        statements.insert(table, rows)
