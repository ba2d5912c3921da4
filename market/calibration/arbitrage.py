"""Where a smile would let a butterfly cost less than nothing, at any level of the indices."""

import math
from itertools import product

import numpy as np

from market.family import VolState
from market.quotes import FloatArray
from market.surface_params import SurfaceParams
from market.surface_smile import smile_shape

_BUTTERFLY_WEIGHT = 30.0
_LEAST_DENSITY = 0.02
_MOST_CALL_POWER = 1.8


def butterfly_faults(params: SurfaceParams) -> FloatArray:
    """Return how far butterflies and far calls are from costing nothing, 0 where they are not."""
    z = np.linspace(-14.0, 9.0, 160)
    return np.concatenate(
        [
            _BUTTERFLY_WEIGHT * np.minimum(margin, 0.0)
            for tenor, vol in product((0.25, 1.0, 3.0, 10.0, 42.0), _corner_states())
            for margin in (
                density(params, z, tenor, vol) - _LEAST_DENSITY,
                _MOST_CALL_POWER - call_powers(params, tenor, vol),
            )
        ]
    )


def call_powers(params: SurfaceParams, tenor: float, vol: VolState) -> FloatArray:
    """Return d ln(variance) / d ln(z) of a smile above the money; `tenor` in sessions.

    Far out a call rises with its strike where the power reaches 2: then z / vol, which fixes how
    many sds out the strike lies at its own vol, no longer grows.
    """
    z = np.linspace(1.0, 9.0, 65)
    ratio = smile_shape(params.spx_smile, tenor, vol).variance_ratio(z.copy())
    return np.asarray(np.gradient(np.log(ratio), np.log(z))[1:-1])


def _corner_states() -> list[VolState]:
    return [
        VolState(vix, vix, vix, vix, vvix, 19.0, skew=skew)
        for vix, vvix, skew in product(
            (10.0, 14.0, 18.0, 23.0, 80.0), (74.0, 95.0, 122.0), (115.0, 160.0)
        )
    ]


def density(params: SurfaceParams, z: FloatArray, tenor: float, vol: VolState) -> FloatArray:
    """Return Durrleman's function of a smile on an even grid: below 0 a butterfly pays to be held.

    Source: J. Gatheral and A. Jacquier, "Arbitrage-free SVI volatility surfaces", 2014, lemma 2.2,
    with ln(K/F) = z sd; `tenor` in sessions.
    """
    sd = vol.vix / 100.0 * math.sqrt(tenor / 252.0)
    ratio = smile_shape(params.spx_smile, tenor, vol).variance_ratio(z)
    step = float(z[1] - z[0])
    slope = np.gradient(ratio, step)
    bend = np.gradient(slope, step)
    lean = 1.0 - 0.5 * z * slope / ratio
    steepness = 0.25 * slope * slope * (1.0 / ratio + 0.25 * sd * sd)
    return np.asarray((lean * lean - steepness + 0.5 * bend)[2:-2])
