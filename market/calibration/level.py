"""The model with the vol at the money of one expiry given: its smile on another level."""

import dataclasses

import numpy as np

from market.family import VolState
from market.instruments import Right
from market.model import ModelMarket
from market.pricing import price
from market.quotes import Chain, FloatArray


def iv_at(
    market: ModelMarket, real: Chain, strikes: FloatArray, vol: VolState | None = None
) -> FloatArray:
    """Return the model's vols of an expiry on its real forward; `vol` replaces the levels."""
    key = (real.trading_class, real.expiry)
    return market.chain_on_forward(key, real.at, real.forward, strikes, vol).call_iv


def iv_at_level(
    market: ModelMarket,
    real: Chain,
    strikes: FloatArray,
    atm_iv: float,
    vol: VolState | None = None,
) -> FloatArray:
    """Return the model's vols of an expiry as if its vol at the money were `atm_iv`.

    The shape of a smile stands by the distance in sds, so another level stretches it.
    """
    forward = real.forward
    level = float(iv_at(market, real, np.array([forward]), vol)[0]) / atm_iv
    stretched = forward * (strikes / forward) ** level
    return np.asarray(iv_at(market, real, stretched, vol) / level)


def chain_at_level(
    market: ModelMarket, real: Chain, atm_iv: float, vol: VolState | None = None
) -> Chain:
    """Return the model's prices, bid and ask alike, at the strikes of a real chain."""
    iv = iv_at_level(market, real, real.strikes, atm_iv, vol)
    put, call = (
        price(
            forward=real.forward,
            strike=real.strikes,
            years=real.years,
            iv=iv,
            discount=real.discount,
            right=right,
        )
        for right in (Right.PUT, Right.CALL)
    )
    return dataclasses.replace(
        real, put_bid=put, put_ask=put, call_bid=call, call_ask=call, put_iv=iv, call_iv=iv
    )
