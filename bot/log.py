"""The log: events for people, as JSON lines in a file. The journal is the truth."""

from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import structlog

from bot.events import (
    DecisionMade,
    EntryClosed,
    MomentMissed,
    OrderApproved,
    OrderStopped,
    Record,
)
from bot.masking import masked
from market.orders import (
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    PositionSettled,
    SettlementAwaited,
)


class RunLog:
    """Writes what a person would want to know of a run; built once, passed on, no global set-up."""

    def __init__(self, file: TextIO, **bound: str) -> None:
        self._log: Any = structlog.wrap_logger(
            structlog.PrintLogger(file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.JSONRenderer(default=_plain, ensure_ascii=False),
                _without_secrets,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(20),
        ).bind(**bound)

    def info(self, name: str, **fields: object) -> None:
        """Write one event."""
        self._log.info(name, **fields)

    def warning(self, name: str, **fields: object) -> None:
        """Write one event that asks for attention."""
        self._log.warning(name, **fields)

    def error(self, name: str, **fields: object) -> None:
        """Write one event that stops something."""
        self._log.error(name, **fields)

    def watch(self, record: Record) -> None:
        """Write the records that people care about."""
        match record:
            case DecisionMade(at=at, decision=decision):
                sentence, reason = decision.sentence, decision.reason
                self.info("decision_made", at=at, strategy=decision.strategy, reason=reason,
                          sentence=sentence)  # fmt: skip
            case OrderApproved(at=at, order=order):
                intent = order.intent
                self.info("order_submitted", at=at, order_id=order.order_id,
                          quantity=intent.quantity, limit_credit=intent.limit_credit)  # fmt: skip
            case OrderStopped(at=at, order_id=order_id, sentence=sentence):
                self.warning("order_stopped", at=at, order_id=order_id, sentence=sentence)
            case OrderRejected(at=at, order_id=order_id, reason=reason):
                self.warning("order_rejected", at=at, order_id=order_id, reason=reason)
            case OrderFilled(at=at, order_id=order_id, quantity=quantity, credit=credit):
                self.info("order_filled", at=at, order_id=order_id, quantity=quantity,
                          credit=credit, fees_usd=record.fees_usd)  # fmt: skip
            case OrderCancelled(at=at, order_id=order_id, remaining=remaining, reason=reason):
                self.info("order_cancelled", at=at, order_id=order_id, remaining=remaining,
                          reason=reason)  # fmt: skip
            case EntryClosed(at=at, result=result, reason=reason, quantity=quantity):
                self.info("entry_closed", at=at, result=result, reason=reason, quantity=quantity)
            case MomentMissed(at=at, name=name, reason=reason):
                self.warning("moment_missed", at=at, moment=name, reason=reason)
            case _:
                self._watch_settlement(record)

    def _watch_settlement(self, record: Record) -> None:
        match record:
            case PositionSettled(at=at, contract=contract, cash_usd=cash_usd):
                self.info("position_settled", at=at, contract=contract.symbol, cash_usd=cash_usd)
            case SettlementAwaited(at=at, trading_class=trading_class, expiry=expiry):
                self.warning("settlement_awaited", at=at, trading_class=trading_class,
                             expiry=expiry.isoformat())  # fmt: skip
            case _:
                pass


def _without_secrets(_logger: object, _name: str, line: Any) -> str:
    return masked(str(line))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def open_log(folder: Path) -> TextIO:
    """Return the log file of a run's folder, line-buffered so that a crash loses nothing."""
    return (folder / "bot.log").open("a", encoding="utf-8", buffering=1)
