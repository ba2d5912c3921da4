"""What calls held depend on, implied from their quotes, and their greeks (A15, R-28)."""

from dataclasses import replace
from datetime import timedelta
from math import exp

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sample_scenes import WINDOW_AT, Scene, hedge_view, ladder

from market.instruments import Right
from market.pricing import delta, price
from market.quotes import Quote
from strategies.convexity import CallState
from strategies.greeks import CallGreeks, call_state, call_states, greeks_of


@pytest.mark.parametrize("row", [0, 1, 2])
def test_the_forward_implied_by_iv_and_delta_is_that_of_the_chain(row: int) -> None:
    position = ladder()[row]
    contract = position.contract
    scene = Scene()
    view = hedge_view(scene)
    chain = scene.chain((contract.trading_class, contract.expiry), view.at)
    assert chain is not None
    known = replace(view.indicators, bill_frac=0.0137)

    state = call_state(replace(view, indicators=known), position)

    assert state is not None
    assert state.contracts == position.contracts
    assert state.forward == pytest.approx(chain.forward, rel=1e-3)
    assert state.years == pytest.approx(chain.years, rel=1e-9)
    assert state.discount == pytest.approx(chain.discount, rel=1e-4)


@given(forward=st.floats(10, 60), iv=st.floats(0.4, 1.5))
def test_any_forward_is_found_again(forward: float, iv: float) -> None:
    contract, view = ladder()[0].contract, hedge_view(Scene())
    settles = view.context.calendar.settles_at(contract.trading_class, contract.expiry)
    years = (settles - view.snapshot.at) / timedelta(days=365)
    strike = float(contract.strike)
    known = float(delta(forward=forward, strike=strike, years=years, iv=iv, right=Right.CALL))
    assume(1e-6 < known < 1 - 1e-6)
    seen = hedge_view(Scene(quotes={contract: Quote(WINDOW_AT, 1.0, 1.1, iv, known)}))

    state = call_state(seen, ladder()[0])

    assert state is not None
    assert state.forward == pytest.approx(forward, rel=1e-4)


@pytest.mark.parametrize(
    "quote",
    [
        None,
        Quote(WINDOW_AT, 1.0, 1.1, None, 0.4),
        Quote(WINDOW_AT, 1.0, 1.1, 0.8, None),
        Quote(WINDOW_AT, 1.0, 1.1, 0.0, 0.4),
    ],
)
def test_an_incomplete_quote_tells_nothing(quote: Quote | None) -> None:
    view = hedge_view(Scene(quotes={ladder()[0].contract: quote}))

    assert call_state(view, ladder()[0]) is None
    assert call_states(view, ladder()) is None


def test_greeks_count_all_contracts_and_agree_with_repricing() -> None:
    """Checked by small moves of the price itself."""
    state = CallState(4, 20.0, 22.0, 0.9, 0.3, 0.99)

    def value(forward: float = 20.0, iv: float = 0.9, years: float = 0.3) -> float:
        # A day less to wait is a day less of discounting at the same rate.
        discount = exp(years / 0.3 * -0.010050335853501)
        known = {"forward": forward, "iv": iv, "years": years, "discount": discount}
        return float(price(strike=22.0, right=Right.CALL, **known))

    mid = value()
    quote = Quote(WINDOW_AT, mid - 0.05, mid + 0.05, 0.9, value(20.5) - value(19.5))

    found = greeks_of(state, quote, 100)

    assert found is not None
    assert found.mark_usd == found.extrinsic_usd == pytest.approx(400 * mid)
    bump = value(20.01) - 2 * value() + value(19.99)
    assert found.gamma == pytest.approx(4 * bump / 0.01**2, rel=1e-3)
    assert found.vega_usd_per_vol_point == pytest.approx(
        400 * (value(iv=0.905) - value(iv=0.895)), rel=1e-3
    )
    day = 1 / 365
    assert found.theta_usd_per_day == pytest.approx(400 * (value(years=0.3 - day) - mid), rel=1e-2)


def test_extrinsic_value_is_what_the_mark_holds_beyond_the_discounted_intrinsic() -> None:
    state = CallState(2, 30.0, 20.0, 0.9, 0.3, 0.99)

    found = greeks_of(state, Quote(WINDOW_AT, 10.2, 10.4, 0.9, 0.9), 100)
    stale = greeks_of(state, Quote(WINDOW_AT, 9.2, 9.4, 0.9, 0.9), 100)

    assert found is not None
    assert found.extrinsic_usd == pytest.approx(200 * (10.3 - 9.9))
    assert found.delta == 1.8
    assert stale is not None
    assert stale.extrinsic_usd == 0.0
    assert greeks_of(state, Quote(WINDOW_AT, None, 9.4, 0.9, 0.9), 100) is None


def test_greeks_add_up() -> None:
    one, two = CallGreeks(1, 2, 3, 4, 5, 6), CallGreeks(10, 20, 30, 40, 50, 60)

    assert one + two == CallGreeks(11, 22, 33, 44, 55, 66)
