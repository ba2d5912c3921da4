"""Recycling of gains: harvest, purchases from realised gains, refill (R-23, A10)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import (
    DEFAULTS,
    EXTREME,
    LONG_EXPIRY,
    MID_EXPIRY,
    SESSION,
    WINDOW_AT,
    Scene,
    decide_hedge,
    even_calls,
    hedge_view,
    held,
    ladder,
    purposes,
    quotes,
    release,
    told,
    tuned,
)

from market.errors import InvariantBroken
from market.instruments import OptionContract
from market.macro import MacroKind
from market.orders import Leg, OrderIntent
from market.quotes import Quote
from strategies.base import HedgeMemory, HoldingKind, Layer, LayerPosition, Verdict
from strategies.hedge_orders import CAMPAIGNS, holding_kind
from strategies.recycling import (
    HedgeMemoryKeeper,
    allowance_usd,
    gain_multiple,
    harvested_contracts,
    is_refill_due,
    sessions_since_harvest,
)

YESTERDAY = date(2018, 1, 22)
# The near layer of the sample ladder cost 4 × 1.20; here it stands at 3.00 / 3.10.
RICH = quotes(near=(3.00, 3.10, 0.80))
CALM: dict[str, Any] = {"vix": 16.5, "vix3m": 19.0}


def near_at(bid: float, ask: float) -> dict[OptionContract, Quote]:
    return {ladder()[0].contract: Quote(WINDOW_AT, bid, ask, 0.9, 0.80)}


def memory(**known: Any) -> HedgeMemory:
    """Return the memory of a harvest yesterday: two calls sold for a gain of $1,000."""
    row: dict[str, Any] = {
        "realised_gains_usd": Decimal(1000),
        "last_harvest": YESTERDAY,
        "vix_peak_since_harvest": 25.0,
        "harvested_contracts": 2,
    }
    return HedgeMemory(**{**row, **known})


def halved() -> tuple[LayerPosition, ...]:
    near, mid, long = ladder()
    left = replace(near, contracts=2, paid_premium_usd=Decimal(240))
    return (left, mid, long)


class TestHarvest:
    """Half the near layer is sold at 2.5 times its cost while volatility is up."""

    def test_half_the_layer_is_sold(self) -> None:
        decision = decide_hedge(Scene(quotes=RICH, **CALM))

        assert decision.orders == (
            OrderIntent(
                strategy="alvh",
                purpose="harvest_near",
                campaign="alvh",
                legs=(Leg(ladder()[0].contract, -1),),
                quantity=2,
                limit_credit=Decimal("3.00"),
                good_until=datetime(2018, 1, 23, 16, 5, tzinfo=UTC),
                layer="near",
                is_closing=True,
            ),
        )
        assert decision.sentence == (
            "Sell 2 near calls, 21 Feb strike 16, worth 2.5 times their cost "
            "while VIX 16.50 is above 16."
        )
        assert told(decision, "gain_recycling").verdict is Verdict.LIMIT

    @pytest.mark.parametrize(
        ("bid", "ask", "is_sold"), [(2.95, 3.05, True), (2.94, 3.04, False), (9.0, 9.1, True)]
    )
    def test_the_mark_must_be_two_and_a_half_times_the_cost(
        self, bid: float, ask: float, is_sold: bool
    ) -> None:
        decision = decide_hedge(Scene(quotes=near_at(bid, ask), **CALM))

        assert purposes(decision) == ([("harvest_near", 2)] if is_sold else [])

    @pytest.mark.parametrize(
        ("market", "cause"),
        [
            ({"vix": 16.01, "hv20": 2.0, "vix9d": 5.0}, "VIX 16.01 is above 16"),
            ({"vix": 16.0, "hv20": 2.0, "vix9d": 5.0}, ""),
            ({"vix": 15.5, "hv20": 25.0}, "the expected range 1.23% is above 0.94%"),
            ({"vix": 15.5, "hv20": None}, ""),
        ],
    )
    def test_volatility_must_be_up(self, market: Mapping[str, Any], cause: str) -> None:
        decision = decide_hedge(Scene(quotes=RICH, **market))

        assert decision.sentence.endswith(
            f"worth 2.5 times their cost while {cause}." if cause else "as it is."
        )

    def test_a_rise_of_vix_over_a_release_counts_too(self) -> None:
        """R-25: VIX rose from 12 to 15 over Monday's CPI."""
        event = release(MacroKind.CPI, "2018-01-22T13:30")
        scene = Scene(
            vix=15.0, hv20=2.0, vix9d=5.0, quotes=RICH, releases=(event,),
            vix_closes={date(2018, 1, 19): 12.0},
        )  # fmt: skip

        assert decide_hedge(scene).sentence.endswith("while VIX rose 25% over CPI.")
        assert purposes(decide_hedge(scene, tuned(event_enabled=False))) == []

    @pytest.mark.parametrize(
        ("last", "is_sold"), [(date(2018, 1, 16), True), (date(2018, 1, 17), False)]
    )
    def test_five_sessions_lie_between_two_harvests(self, last: date, is_sold: bool) -> None:
        known = memory(last_harvest=last, realised_gains_usd=Decimal(0), harvested_contracts=0)

        decision = decide_hedge(Scene(quotes=RICH, memory=known, **CALM))

        assert purposes(decision) == ([("harvest_near", 2)] if is_sold else [])

    def test_a_single_call_is_sold_whole_and_three_are_halved_down(self) -> None:
        near, mid, long = ladder()
        one = replace(near, contracts=1, paid_premium_usd=Decimal(120))
        three = replace(near, contracts=3, paid_premium_usd=Decimal(360))
        dear: dict[str, Any] = {"quotes": RICH, "vix": 30.0, "vix3m": 34.0}

        sold = [
            purposes(decide_hedge(Scene(layers=(row, mid, long), **dear))) for row in (one, three)
        ]

        assert sold == [[("harvest_near", 1)], [("harvest_near", 1)]]

    def test_what_is_left_of_a_harvested_layer_still_rolls(self) -> None:
        _, mid, long = ladder()
        due = held(Layer.NEAR, date(2018, 2, 7), "15", 4, paid_usd="480")
        rich = {due.contract: Quote(WINDOW_AT, 3.0, 3.1, 0.9, 0.8)}

        decision = decide_hedge(Scene(layers=(due, mid, long), quotes=rich, **CALM))

        assert purposes(decision) == [("harvest_near", 2), ("roll_near", 2)]

    def test_hold_may_harvest(self) -> None:
        scene = Scene(quotes=RICH, vix=30.0, vix3m=35.0, was_hold=True)

        assert purposes(decide_hedge(scene)) == [("harvest_near", 2)]

    @pytest.mark.parametrize("prices", [{ladder()[0].contract: None}, near_at(0.0, 9.0)])
    def test_without_a_bid_nothing_is_sold(self, prices: dict[OptionContract, Any]) -> None:
        assert purposes(decide_hedge(Scene(quotes=prices, **CALM))) == []

    def test_recycling_can_be_switched_off(self) -> None:
        decision = decide_hedge(Scene(quotes=RICH, **CALM), tuned(recycle_enabled=False))

        assert decision.orders == ()
        assert told(decision, "gain_recycling").verdict is Verdict.UNKNOWN

    def test_the_gain_is_that_of_all_series_of_the_base(self) -> None:
        tilt = held(Layer.NEAR, date(2018, 2, 21), "16", 1, paid_usd="1", kind=HoldingKind.TILT)
        scene = Scene(layers=(*ladder(), tilt), quotes=RICH)

        assert gain_multiple(hedge_view(scene)) == pytest.approx(3.05 / 1.20)
        assert gain_multiple(hedge_view(Scene(layers=()))) is None


class TestRecycling:
    """60 % of the gain, after the sale has filled: two thirds mid, one third long."""

    def decide(self, **changes: Any) -> list[tuple[str, int]]:
        row: dict[str, Any] = {"layers": halved(), "memory": memory(), "chains": even_calls()}
        scene = Scene(**{**row, "vix": 22.0, "vix3m": 24.0, **changes})
        return purposes(decide_hedge(scene))

    def test_gains_buy_mid_and_long_calls_of_a_campaign_of_their_own(self) -> None:
        """$400 for mid at 1.20 and $200 for long at 0.80, each with $2 for fees."""
        scene = Scene(layers=halved(), memory=memory(), chains=even_calls(), vix=22.0, vix3m=24.0)

        decision = decide_hedge(scene)

        assert purposes(decision) == [("recycle_mid", 3), ("recycle_long", 2)]
        assert {order.campaign for order in decision.orders} == {"alvh-recycled"}
        assert decision.sentence.startswith(
            "Buy 3 mid calls, 16 May strike 19, at 1.20 (delta 0.30) from realised gains, "
        )

    @pytest.mark.parametrize(
        ("last", "since", "allowed"),
        [
            (SESSION, 0, Decimal(0)),
            (YESTERDAY, 1, Decimal(600)),
            (date(2018, 1, 16), 5, Decimal(600)),
            (date(2018, 1, 12), 6, Decimal(0)),
        ],
    )
    def test_a_gain_is_spent_from_the_next_session_on_within_five(
        self, last: date, since: int, allowed: Decimal
    ) -> None:
        view = hedge_view(Scene(memory=memory(last_harvest=last)))

        assert sessions_since_harvest(view) == since
        assert allowance_usd(view, DEFAULTS.alvh) == allowed

    def test_nothing_is_bought_before_a_sale_has_filled(self) -> None:
        assert self.decide(memory=HedgeMemory()) == []
        assert self.decide(memory=memory(realised_gains_usd=Decimal(0))) == []

    def test_what_was_spent_already_is_not_spent_again(self) -> None:
        assert self.decide(memory=memory(recycled_spend_usd=Decimal(600))) == []
        assert self.decide(memory=memory(recycled_spend_usd=Decimal(400))) == [("recycle_mid", 1)]

    def test_neither_budget_nor_vix_nor_yearly_cost_forbids_it(self) -> None:
        """A2 exempts what realised gains pay for."""
        dear = tuple(replace(each, paid_premium_usd=Decimal(5000)) for each in halved())

        assert self.decide(layers=dear, hedge_cost_year_usd="20000", vix=35.0, vix3m=40.0) == [
            ("recycle_mid", 3),
            ("recycle_long", 2),
        ]

    def test_extreme_backwardation_makes_it_wait(self) -> None:
        scene = Scene(
            layers=halved(), memory=memory(), chains=even_calls(), vix=22.0, curve=EXTREME
        )

        decision = decide_hedge(scene)

        assert decision.orders == ()
        assert "gains are not recycled yet: M1 is 3.0 points above M2" in decision.sentence

    def test_no_layer_grows_beyond_twice_its_base(self) -> None:
        rich = memory(realised_gains_usd=Decimal(10_000))
        extra = held(Layer.MID, MID_EXPIRY, "25", 1, kind=HoldingKind.RECYCLED)

        assert self.decide(memory=rich) == [("recycle_mid", 4), ("recycle_long", 2)]
        assert self.decide(memory=rich, layers=(*halved(), extra)) == [
            ("recycle_mid", 3),
            ("recycle_long", 2),
        ]

    def test_recycled_calls_are_sold_where_their_layer_rolls(self) -> None:
        """13 April is 80 days off, 14 April 81."""
        due, fresh = (
            held(Layer.MID, date(2018, 4, day), "25", 2, kind=HoldingKind.RECYCLED)
            for day in (11, 18)
        )
        prices = {each.contract: Quote(WINDOW_AT, 0.5, 0.6, 0.9, 0.3) for each in (due, fresh)}

        decision = decide_hedge(Scene(layers=(*ladder(), due, fresh), quotes=prices))

        assert purposes(decision) == [("retire_mid", 2)]
        assert decision.orders[0].campaign == "alvh-recycled"
        assert decision.sentence == (
            "Sell 2 mid calls, 11 Apr strike 25, bought from gains, 78 days left."
        )

    def test_recycled_calls_that_nobody_bids_for_are_kept(self) -> None:
        due = held(Layer.LONG, date(2018, 6, 20), "90", 2, kind=HoldingKind.RECYCLED)

        decision = decide_hedge(Scene(layers=(*ladder(), due), quotes={due.contract: None}))

        assert decision.orders == ()
        assert "the recycled calls of 20 Jun strike 90 have no bid" in decision.sentence


class TestRefill:
    """The near layer counts as held until VIX is below 0.8 of its peak, or below 16."""

    @pytest.mark.parametrize(
        ("vix", "peak", "is_due"),
        [
            (19.99, 25.0, True),
            (20.0, 25.0, False),
            (15.99, 16.5, True),
            (16.0, 16.5, False),
            (20.0, None, False),
        ],
    )
    def test_a_refill_is_due_once_fear_has_ebbed(
        self, vix: float, peak: float | None, is_due: bool
    ) -> None:
        harvested = memory(vix_peak_since_harvest=peak)

        assert is_refill_due(harvested, vix, DEFAULTS.alvh) is is_due
        assert harvested_contracts(harvested, vix, DEFAULTS.alvh) == (0 if is_due else 2)

    def test_until_then_the_layer_counts_as_held_and_nothing_is_missing(self) -> None:
        spent = memory(realised_gains_usd=Decimal(0), vix_peak_since_harvest=20.0)

        decision = decide_hedge(Scene(layers=halved(), memory=spent, **CALM))

        assert decision.orders == ()
        assert decision.facts["units_held"] == 1.0
        assert told(decision, "units").detail == (
            "1 of 1 units for 10 planned condors, 2 near calls harvested"
        )

    def test_then_the_base_is_made_whole(self) -> None:
        spent = memory(realised_gains_usd=Decimal(0))

        decision = decide_hedge(Scene(layers=halved(), memory=spent, **CALM))

        assert purposes(decision) == [("open_near", 2)]
        assert decision.orders[0].campaign == "alvh"
        assert decision.facts["units_held"] == 0.5


def intent(purpose: str, layer: str, kind: HoldingKind, ratio: int) -> OrderIntent:
    contract = ladder()[0].contract
    return OrderIntent(
        "alvh",
        purpose,
        CAMPAIGNS[kind],
        (Leg(contract, ratio),),
        9,
        Decimal(ratio),
        WINDOW_AT,
        layer=layer,
    )


HARVEST = intent("harvest_near", "near", HoldingKind.BASE, -1)
RECYCLE = intent("recycle_mid", "mid", HoldingKind.RECYCLED, 1)
REFILL = intent("open_near", "near", HoldingKind.BASE, 1)
TILT = intent("tilt_near", "near", HoldingKind.TILT, 1)


class TestMemory:
    """What the hedge's own fills leave behind."""

    def test_a_harvest_realises_its_gain_after_fees(self) -> None:
        """Two calls at 3.00 less $2.40 of fees, which had cost $240."""
        keeper = HedgeMemoryKeeper()

        keeper.fill(HARVEST, 2, Decimal("3.00"), Decimal("2.40"), Decimal(240), SESSION)

        assert keeper.memory == HedgeMemory(
            realised_gains_usd=Decimal("357.60"), last_harvest=SESSION, harvested_contracts=2
        )

    def test_purchases_from_gains_count_with_their_fees(self) -> None:
        keeper = HedgeMemoryKeeper(memory())

        keeper.fill(RECYCLE, 2, Decimal("-1.20"), Decimal("2.50"), Decimal(0), SESSION)

        assert keeper.memory == memory(recycled_spend_usd=Decimal("242.50"))

    def test_more_than_was_gained_cannot_be_spent(self) -> None:
        keeper = HedgeMemoryKeeper(memory(realised_gains_usd=Decimal(100)))

        with pytest.raises(InvariantBroken, match=r"only \$100 were realised"):
            keeper.fill(RECYCLE, 1, Decimal("-1.20"), Decimal(1), Decimal(0), SESSION)

        assert keeper.memory.recycled_spend_usd == 0

    def test_the_peak_is_that_of_the_time_since_the_harvest(self) -> None:
        keeper = HedgeMemoryKeeper()
        keeper.mark(YESTERDAY, 40.0)
        keeper.fill(HARVEST, 2, Decimal(3), Decimal(0), Decimal(0), SESSION)

        for vix in (22.0, 31.0, 25.0):
            keeper.mark(SESSION, vix)

        assert keeper.memory.vix_peak_since_harvest == 31.0

    def test_a_refill_ends_the_harvest(self) -> None:
        keeper = HedgeMemoryKeeper(memory())

        keeper.fill(REFILL, 1, Decimal(-1), Decimal(0), Decimal(0), SESSION)
        half = keeper.memory
        keeper.fill(REFILL, 1, Decimal(-1), Decimal(0), Decimal(0), SESSION)

        assert half == memory(harvested_contracts=1)
        assert keeper.memory == memory(harvested_contracts=0, vix_peak_since_harvest=None)

    def test_rolls_and_other_sales_leave_no_trace(self) -> None:
        keeper = HedgeMemoryKeeper(memory())
        legs = (Leg(ladder()[0].contract, -1), Leg(ladder()[1].contract, 1))

        keeper.fill(replace(REFILL, purpose="roll_near", legs=legs), 2, Decimal(0), Decimal(1),
                    Decimal(9), SESSION)  # fmt: skip
        keeper.fill(intent("retire_mid", "mid", HoldingKind.RECYCLED, -1), 2, Decimal(1),
                    Decimal(1), Decimal(9), SESSION)  # fmt: skip

        assert keeper.memory == memory()

    def test_the_session_of_a_tilt_is_remembered(self) -> None:
        keeper = HedgeMemoryKeeper()

        keeper.fill(TILT, 1, Decimal(-1), Decimal(1), Decimal(0), SESSION)

        assert keeper.memory == HedgeMemory(last_tilt=SESSION)

    def test_campaigns_tell_the_kinds_apart(self) -> None:
        assert {holding_kind(campaign) for campaign in CAMPAIGNS.values()} == set(HoldingKind)
        assert holding_kind("anything else") is HoldingKind.BASE


@given(
    gains=st.decimals(0, 20_000, places=2),
    spent_frac=st.floats(0, 0.6),
    share=st.floats(0, 1),
    vix=st.floats(10, 60),
    mid_share=st.floats(0, 1),
)
def test_purchases_from_gains_never_exceed_the_gains(
    gains: Decimal, spent_frac: float, share: float, vix: float, mid_share: float
) -> None:
    """Every order filled at its limit, at $1.60 a contract, leaves spending within the gains."""
    spent = (gains * Decimal(str(round(spent_frac, 4)))).quantize(Decimal("0.01"))
    known = memory(realised_gains_usd=gains, recycled_spend_usd=spent)
    params = tuned(recycle_reinvest_frac=max(share, spent_frac), recycle_mid_share=mid_share)
    scene = Scene(layers=halved(), memory=known, vix=round(vix, 2), vix3m=1.2 * vix)
    keeper = HedgeMemoryKeeper(known)

    for order in decide_hedge(scene, params).orders:
        if order.purpose.startswith("recycle"):
            fees = Decimal("1.60") * order.quantity
            keeper.fill(order, order.quantity, order.limit_credit, fees, Decimal(0), SESSION)

    assert keeper.memory.recycled_spend_usd <= gains


def test_long_calls_are_bought_for_the_expiry_their_layer_aims_for() -> None:
    scene = Scene(layers=halved(), memory=memory(), chains=even_calls(), vix=22.0, vix3m=24.0)

    expiries = [order.legs[0].contract.expiry for order in decide_hedge(scene).orders]

    assert expiries == [MID_EXPIRY, LONG_EXPIRY]
