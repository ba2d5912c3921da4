"""The hedge's named variants: budget that warns, raised deltas, premium weights, parts of units,
no events, a profile that must steepen (R-20, R-24, R-25, R-28)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import (
    EXTREME,
    NEAR_EXPIRY,
    Scene,
    aged,
    decide_hedge,
    even_calls,
    hedge_plan,
    hedge_view,
    held,
    ladder,
    purposes,
    quotes,
    release,
    told,
    tuned,
)

from market.macro import MacroKind
from market.quotes import Quote
from market.schedule import MomentName
from strategies.base import HedgePlan, Layer, Verdict
from strategies.hedge_params import AlvhParams
from strategies.ladder import Pick
from strategies.shopping import delta_shifts, weighted

EMPTY = Scene(layers=(), chains=even_calls())


class TestBudgetThatWarns:
    """R-24, `budget_mode = warn`: what passes the budget is bought and said to."""

    def test_a_ladder_beyond_the_budget_is_bought_whole(self) -> None:
        """$1,360 are 5.44 % of $25,000."""
        decision = decide_hedge(EMPTY, tuned(budget_mode="warn", budget_max_frac=0.05))

        assert purposes(decision) == [("open_near", 4), ("open_mid", 4), ("open_long", 2)]
        assert told(decision, "budget").verdict is Verdict.LIMIT
        assert "delta 0.45" in decision.sentence

    def test_refreshes_pass_it_too(self) -> None:
        scene = Scene(chains=even_calls(), quotes=quotes(long=(0.10, 0.15, 0.05)))
        low = {"budget_max_frac": 0.02, "budget_min_frac": 0.0}

        assert purposes(decide_hedge(scene, tuned(budget_mode="warn", **low))) == [
            ("refresh_long", 2)
        ]
        assert purposes(decide_hedge(scene, tuned(**low))) == []


class TestRaisedDeltas:
    """R-24, `raise_when_cheap`: delta 0.50 while h < 4 % and VIX < 15."""

    @pytest.mark.parametrize(
        ("vix", "floor", "deltas"),
        [
            (14.9, 0.04, [0.5, 0.5, 0.5]),
            (15.0, 0.04, [0.45, 0.3, 0.2]),
            (14.9, 0.0, [0.45, 0.3, 0.2]),
        ],
    )
    def test_all_layers_aim_for_half_a_delta_when_premium_is_thin_and_vix_low(
        self, vix: float, floor: float, deltas: list[float]
    ) -> None:
        # Weekly series are quoted so wide that the rule of spreads would move the strike as well.
        params = tuned(
            raise_when_cheap=True, budget_min_frac=floor, budget_max_frac=0.2, max_spread_frac=0.5
        )
        scene = Scene(layers=(), vix=vix)

        decision = decide_hedge(scene, params)

        view = hedge_view(scene, params)
        found = []
        for order in decision.orders:
            contract = order.legs[0].contract
            chain = view.snapshot.chains[contract.trading_class, contract.expiry]
            quote = chain.quote(contract.strike, contract.right)
            assert quote is not None
            found.append(quote.delta)
        assert found == pytest.approx(deltas, abs=0.06)

    def test_calls_bought_so_are_not_sold_back_for_their_high_delta(self) -> None:
        high = quotes(long=(0.8, 0.85, 0.50))
        scene = Scene(chains=even_calls(), quotes=high)

        assert purposes(decide_hedge(scene, tuned(raise_when_cheap=True))) == []
        assert purposes(decide_hedge(scene)) == [("refresh_long", 2)]

    def test_raised_deltas_step_down_from_one_half(self) -> None:
        assert delta_shifts(AlvhParams(raise_when_cheap=True))[-1] == 0.35
        assert delta_shifts(AlvhParams())[-1] == 0.3


class TestPremiumWeights:
    """R-20, `sizing = premium_weights`: 40/40/20 of the unit's premium."""

    weights = tuned(sizing="premium_weights")

    def test_layers_share_the_premium_of_the_literal_ladder(self) -> None:
        """$1,360: 544 for near at 180, 544 for mid at 120, 272 for long at 80."""
        decision = decide_hedge(EMPTY, self.weights)

        assert purposes(decision) == [("open_near", 3), ("open_mid", 5), ("open_long", 3)]
        assert "4:4:2 does not hold" in told(decision, "units").detail

    def test_every_layer_gets_a_contract(self) -> None:
        rows = ((Layer.NEAR, "60"), (Layer.MID, "0.5"), (Layer.LONG, "0.5"))
        contract = ladder()[0].contract
        picks = {
            layer: Pick(layer, contract, 0.3, 0.1, 0.2, Decimal(price)) for layer, price in rows
        }
        tiny = AlvhParams(weight_near=0.0, weight_mid=0.5, weight_long=0.5)

        found = weighted(picks, {Layer.NEAR: 1, Layer.MID: 1, Layer.LONG: 1}, tiny)

        assert found[Layer.NEAR] == 1

    def test_a_bought_ladder_is_whole_and_never_beyond_the_plan(self) -> None:
        near, mid, long = ladder()
        layers = (replace(near, contracts=3), replace(mid, contracts=5), long)

        decision = decide_hedge(Scene(layers=layers), self.weights)

        assert decision.orders == ()
        assert decision.facts["units_held"] == 1.0

    def test_a_missing_layer_is_filled_to_its_weight(self) -> None:
        near, mid, _ = ladder()
        layers = (replace(near, contracts=3), replace(mid, contracts=5))

        decision = decide_hedge(Scene(layers=layers, chains=even_calls()), self.weights)

        assert purposes(decision) == [("open_long", 3)]

    @given(st.lists(st.decimals("0.05", "9", places=2), min_size=3, max_size=3))
    def test_shares_miss_their_weights_by_less_than_half_a_contract(
        self, prices: list[Decimal]
    ) -> None:
        contract = ladder()[0].contract
        picks = {
            layer: Pick(layer, contract, 0.3, 0.1, 0.2, price)
            for layer, price in zip(Layer, prices, strict=True)
        }
        literal = {Layer.NEAR: 4, Layer.MID: 4, Layer.LONG: 2}
        total = sum(picks[layer].cost_usd(count) for layer, count in literal.items())

        found = weighted(picks, literal, AlvhParams())

        for layer, weight in zip(Layer, ("0.4", "0.4", "0.2"), strict=True):
            share, one = Decimal(weight) * total, picks[layer].cost_usd(1)
            assert abs(found[layer] * one - share) <= one / 2 or found[layer] == 1


class TestPartsOfUnits:
    """R-20, `fractional_units`: a small account holds its part of a unit."""

    def test_five_condors_are_hedged_by_half_a_unit(self) -> None:
        plan = HedgePlan(hedge_plan().session, Decimal(125000), 5, 1)
        scene = Scene(layers=(), plan=plan, nlv_usd="125000", chains=even_calls())

        decision = decide_hedge(scene, tuned(fractional_units=True))

        assert purposes(decision) == [("open_near", 2), ("open_mid", 2), ("open_long", 1)]
        assert decision.facts["units_required"] == 0.5

    def test_what_lies_beyond_it_is_sold(self) -> None:
        plan = HedgePlan(hedge_plan().session, Decimal(125000), 5, 1)

        decision = decide_hedge(
            Scene(plan=plan, nlv_usd="125000"), tuned(fractional_units=True, recycle_enabled=False)
        )

        assert purposes(decision) == [("reduce_near", 2), ("reduce_mid", 2), ("reduce_long", 1)]

    def test_the_budget_takes_one_condors_part_after_the_other(self) -> None:
        """Half a unit costs $680 of $12,500; 2 near, 1 mid and 1 long, the most that fits 4.9 %
        at any delta, cost less."""
        plan = HedgePlan(hedge_plan().session, Decimal(125000), 5, 1)
        scene = Scene(layers=(), plan=plan, nlv_usd="125000", chains=even_calls())
        low = tuned(fractional_units=True, budget_max_frac=0.02, budget_min_frac=0.0)

        decision = decide_hedge(scene, low)

        assert sum(count for _, count in purposes(decision)) < 5
        assert float(str(decision.facts["budget_after_frac"])) <= 0.02


class TestWithoutEvents:
    """`event_enabled = false` switches R-25 off."""

    off = tuned(event_enabled=False)

    def test_no_layer_rolls_early_nor_is_renewed_for_a_release(self) -> None:
        near = held(Layer.NEAR, date(2018, 1, 30), "16", 4, paid_usd="480")
        ahead = Scene(
            vix=16.0, layers=aged(near), releases=(release(MacroKind.CPI, "2018-01-24T13:30"),)
        )
        late = {"roll_near_dte": 5}

        assert purposes(decide_hedge(ahead, tuned(**late))) == [("event_roll_near", 4)]
        assert purposes(decide_hedge(ahead, tuned(event_enabled=False, **late))) == []
        assert told(decide_hedge(ahead, self.off), "event").detail == "switched off"

    def test_extreme_backwardation_still_makes_the_term_structure_red(self) -> None:
        decision = decide_hedge(replace(EMPTY, curve=EXTREME), self.off)

        assert decision.orders == ()
        assert [(each.rule, each.code) for each in decision.filters[:1]] == [("R-04", "RED")]


class TestSteepening:
    """R-28: a profile that steepens too little renews the layer deepest in the money."""

    # In the money: the near layer's slope has nowhere to rise.
    deep = (held(Layer.NEAR, NEAR_EXPIRY, "10", 4, paid_usd="480"), *ladder()[1:])

    def test_the_deepest_layer_is_renewed_when_vix_is_low(self) -> None:
        params = tuned(refresh_delta_high=3.0)

        decision = decide_hedge(Scene(layers=self.deep), params)

        assert purposes(decision) == [("steepen_near", 4)]
        assert told(decision, "layer_near").rule == "R-28"
        assert told(decision, "convexity").verdict is Verdict.LIMIT
        assert "the profile steepens 1.13 times, less than 1.3" in decision.sentence

    def test_not_while_vix_is_higher_or_the_profile_steep_enough(self) -> None:
        params = tuned(refresh_delta_high=3.0)

        assert purposes(decide_hedge(Scene(layers=self.deep, vix=16.0), params)) == []
        assert purposes(decide_hedge(Scene(), params)) == []

    def test_not_beyond_the_budget(self) -> None:
        params = tuned(
            min_steepening_ratio=1.5,
            refresh_delta_high=3.0,
            budget_max_frac=0.03,
            budget_min_frac=0.0,
        )

        assert purposes(decide_hedge(Scene(layers=self.deep), params)) == []

    def test_an_unquoted_call_leaves_the_profile_unknown(self) -> None:
        quote = Quote(Scene().moment(MomentName.HEDGE_WINDOW).at, 1.0, 1.1)
        scene = Scene(quotes={ladder()[0].contract: quote})

        decision = decide_hedge(scene)

        assert told(decision, "convexity").verdict is Verdict.UNKNOWN
        assert decision.facts["steepening_ratio"] is None


def test_stretched_fear_forbids_what_may_be_and_not_what_must() -> None:
    rolls = decide_hedge(Scene(layers=aged(), fear_stretched=True, chains=even_calls()))
    opens = decide_hedge(replace(EMPTY, fear_stretched=True))

    assert purposes(rolls) == [("roll_near", 4)]
    assert opens.orders == ()
    assert (opens.filters[0].rule, opens.filters[0].code) == ("R-08", "FEAR")


def test_the_marked_value_is_told_beside_the_premium_paid() -> None:
    """A2: near 4 × 1.05, mid 4 × 1.05 and long 2 × 1.05 points of $100 are 4.2 % of $25,000."""
    flat = quotes(near=(1.0, 1.1, 0.45), mid=(1.0, 1.1, 0.3), long=(1.0, 1.1, 0.2))

    facts = decide_hedge(Scene(quotes=flat)).facts

    assert (facts["budget_used_frac"], facts["h_mtm"]) == (0.0432, 0.042)
