"""The kill switch: what stops all trading at once, and how it ends (R-36).

A halt refuses every order but buying condors back and rolling the hedge: nothing new is opened, no
hedge is sold. In life a person ends it; in a simulation it ends after a set number of sessions,
since nobody is there. A fault of data ends with its session.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from pydantic import Field

from bot.events import TradingHalted, TradingResumed
from market.orders import OrderIntent
from market.sessions import SessionCalendar
from strategies.base import Capital
from strategies.section import Section

HEDGE_KEEPERS = ("roll", "event_roll", "flatten")
DATA_FAULT, DRAWDOWN = "DATA_FAULT", "DRAWDOWN"
CONDOR = "condor"


class SafetyParams(Section):
    """What trips the kill switch (R-36)."""

    enabled: bool = Field(True, description="Halt trading on the losses and faults below.")
    daily_loss_frac: float = Field(
        0.12, gt=0, le=1, description="Fall of NLV since the last session that halts trading."
    )
    open_loss_frac: float = Field(
        0.20, gt=0, le=1, description="Open max loss over NLV that halts trading (cap breach)."
    )
    drawdown_frac: float = Field(
        0.30, gt=0, le=1, description="Fall of NLV from its highest session's end that halts."
    )
    halt_sessions: int = Field(
        5, ge=0, description="Sessions after which a simulated halt ends; 0 waits for a person."
    )


@dataclass(frozen=True, slots=True)
class Trip:
    """Why trading stops."""

    code: str
    sentence: str


def tripped(
    capital: Capital, last_nlv_usd: Decimal, peak_nlv_usd: Decimal, params: SafetyParams
) -> Trip | None:
    """Return what is beyond its limit, or None.

    `last_nlv_usd` is the equity of the last session's end, `peak_nlv_usd` the highest of those
    since the start or since a halt for drawdown ended.
    """
    if not params.enabled:
        return None
    if capital.cash_usd < 0:
        return Trip("NEGATIVE_CASH", f"cash is ${capital.cash_usd:,.0f}")
    loss = 1 - capital.nlv_usd / last_nlv_usd if last_nlv_usd > 0 else Decimal(1)
    if loss > Decimal(str(params.daily_loss_frac)):
        return Trip("DAILY_LOSS", f"NLV fell {loss:.1%} since the last session")
    fall = 1 - capital.nlv_usd / peak_nlv_usd if peak_nlv_usd > 0 else Decimal(1)
    if fall > Decimal(str(params.drawdown_frac)):
        return Trip(DRAWDOWN, f"NLV fell {fall:.1%} from its peak of ${peak_nlv_usd:,.0f}")
    at_risk = capital.open_max_loss_usd
    if at_risk > Decimal(str(params.open_loss_frac)) * capital.nlv_usd:
        return Trip("CAP_BREACH", f"${at_risk:,.0f} are at risk, above {params.open_loss_frac:.0%}")
    return None


def halt(
    trip: Trip, at: datetime, session: date, calendar: SessionCalendar, params: SafetyParams
) -> TradingHalted:
    """Return the record of a halt with the session that may end it, None for a person's word."""
    sessions = 1 if trip.code == DATA_FAULT else params.halt_sessions
    until = calendar.next(session, sessions) if sessions else None
    end = f"until the open of {until}" if until is not None else "until a person resumes it"
    sentence = f"Trading is halted {end}: {trip.sentence}. The hedge is kept."
    return TradingHalted(at, session, trip.code, sentence, until)


def resumed(halted: TradingHalted | None, at: datetime, session: date) -> TradingResumed | None:
    """Return the record that ends a halt whose time is over."""
    if halted is None or halted.until is None or session < halted.until:
        return None
    return TradingResumed(at, session, f"Trading resumes after {halted.code}.")


def is_allowed(intent: OrderIntent) -> bool:
    """Tell whether an order may be sent during a halt: condors bought back, hedges rolled, and
    what a person themselves wants closed."""
    if intent.strategy == CONDOR:
        return intent.is_closing
    return intent.purpose.startswith(HEDGE_KEEPERS)
