"""Which orders a gateway takes before any exchange sees them, and in which hours they work.

Each refusal is one of IB's codes. What the exchange itself thinks of an order is not judged here.
"""

from datetime import datetime
from decimal import Decimal

from brokers.gateway.contracts import WireContract, option_of_id
from brokers.gateway.means import Means
from brokers.gateway.news import Refused
from brokers.gateway.requests import BAG, WireOrder
from brokers.sim.admission import RejectionCode
from market.instruments import floor_to_tick
from market.orders import Leg, OrderIntent, legal_tick

CONDOR_LEGS = 4


def refused_as(code: str, reason: str) -> tuple[int, str]:
    """Return IB's code and text for what the exchange objects to."""
    number = 200 if code == RejectionCode.UNKNOWN_CONTRACT else 201
    return number, f"Order rejected - reason:{reason}"


class Admission:
    """Judges orders as a gateway does, and turns them into what the exchange works."""

    def __init__(self, means: Means) -> None:
        self._means = means

    @property
    def session_end(self) -> datetime | None:
        """Return when the session that runs now ends for options, or None outside regular hours."""
        calendar, now = self._means.calendar, self._means.clock()
        if not calendar.is_session(now.date()):
            return None
        session = calendar.session(now.date())
        return session.option_close_at if session.open_at <= now < session.option_close_at else None

    def next_open(self) -> datetime:
        """Return when the next session opens."""
        calendar, now = self._means.calendar, self._means.clock()
        day = calendar.on_or_after(now.date())
        if now >= calendar.session(day).open_at:
            day = calendar.next(day)
        return calendar.session(day).open_at

    def _next_close(self) -> datetime:
        calendar, now = self._means.calendar, self._means.clock()
        day = calendar.on_or_after(now.date())
        if now >= calendar.session(day).option_close_at:
            day = calendar.next(day)
        return calendar.session(day).option_close_at

    def legs_of(self, wire: WireOrder | None, contract: WireContract) -> tuple[Leg, ...]:
        """Return what one unit of an order's contract is made of, as its action buys or sells it.

        Raises:
            Refused: a contract is unknown (200), or the combo is none (321).
        """
        legs = () if wire is None else wire.legs
        if contract.sec_type != BAG:
            option = self._means.directory.option(contract)
            if option is None:
                raise Refused(200, "No security definition has been found for the request")
            return (Leg(option, 1),)
        if not legs:
            raise Refused(321, "Error validating request:-'cp' : cause - combo without legs")
        return tuple(self.leg(leg.con_id, leg.ratio, leg.action) for leg in legs)

    def leg(self, con_id: int, ratio: int, action: str) -> Leg:
        """Return a leg with its sign.

        Raises:
            Refused: the contract is unknown or the ratio none.
        """
        option = option_of_id(con_id)
        if option is None or not self._means.directory.is_listed(option):
            raise Refused(200, "No security definition has been found for the request")
        if ratio <= 0 or action not in {"BUY", "SELL"}:
            raise Refused(321, "Error validating request:-'cp' : cause - leg without ratio or side")
        return Leg(option, ratio if action == "BUY" else -ratio)

    def checked(self, wire: WireOrder) -> tuple[Leg, ...]:
        """Return the signed legs of an order that may be sent.

        Raises:
            Refused: it may not.
        """
        if wire.account not in {"", self._means.account}:
            raise Refused(321, f"Error validating request:-'bW' : cause - account {wire.account}")
        if wire.uses_etrade_fields:
            raise Refused(10268, "The 'EtradeOnly' order attribute is not supported")
        if wire.order_type != "LMT" or wire.limit_price is None:
            raise Refused(387, "Unsupported order type for this exchange and security type")
        if wire.quantity <= 0 or wire.quantity != int(wire.quantity):
            raise Refused(434, "The order size cannot be zero")
        if len(wire.legs) == CONDOR_LEGS and wire.has_leg_prices:
            raise Refused(10058, "Combo leg prices are not allowed for this combo")
        if len(wire.legs) == CONDOR_LEGS and dict(wire.routing).get("NonGuaranteed") == "1":
            raise Refused(10043, "Non-guaranteed combos of four legs are not allowed")
        sign = 1 if wire.action == "BUY" else -1
        legs = tuple(
            Leg(leg.contract, sign * leg.ratio) for leg in self.legs_of(wire, wire.contract)
        )
        intent = self.intent(wire, legs, int(wire.quantity))
        tick = legal_tick(intent)
        if floor_to_tick(intent.limit_credit, tick) != intent.limit_credit:
            raise Refused(
                110, "The price does not conform to the minimum price variation for this contract."
            )
        return legs

    def intent(self, wire: WireOrder, legs: tuple[Leg, ...], quantity: int) -> OrderIntent:
        """Return an order as the exchange takes it, for so many of its units."""
        limit = wire.limit_price or Decimal(0)
        credit = -limit if wire.action == "BUY" else limit
        end = self.session_end or self._next_close()
        # The venue ends what works at its close; a good-till-cancelled order is sent anew each day.
        return OrderIntent("client", "order", "client", legs, quantity, credit, end)
