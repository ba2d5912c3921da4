"""The hedge as plain values: what `alvh hedge --json` prints and the dashboard shows."""

from typing import Any

from bot.hedge_view import HedgeView, LayerView


def as_json_object(view: HedgeView) -> dict[str, Any]:
    """Return the view as plain values; None where something is unknown."""
    profile, covered, share = view.profile, view.covered, view.coverage
    amm = None if profile is None else profile.amm
    return {
        "session": view.session.isoformat(),
        "spx": view.spx,
        "vix": view.vix,
        "sentence": view.sentence,
        "layers": [_layer_object(layer) for layer in view.layers],
        "shocks": None if profile is None else [int(x) for x in profile.shocks],
        "payoff_usd": None if profile is None else _rounded(profile.payoff_usd, 2),
        "slope_usd": None if profile is None else _rounded(profile.slope_usd, 2),
        "curvature_usd": None if profile is None else _rounded(profile.curvature_usd, 2),
        "steepening_ratio": None if profile is None else _figure(profile.steepening_ratio, 4),
        "saturation_usd": None if profile is None else _figure(profile.saturation_usd, 2),
        "amm_depth": None if amm is None else _figure(amm.depth, 4),
        "amm_fit_rms": None if amm is None else _figure(amm.rms, 4),
        "amm_slope": None if amm is None else _rounded(amm.slope, 4),
        "coverage": None if share is None else [_figure(each, 4) for each in share],
        "coverage_basis": None if covered is None else covered.basis,
        "coverage_condors": None if covered is None else covered.condors,
        "condor_loss_usd": None if covered is None else _rounded(covered.loss_usd, 2),
        "simulated": True,
    }


def _layer_object(layer: LayerView) -> dict[str, Any]:
    greeks = layer.greeks
    return {
        "layer": str(layer.layer),
        "contracts": layer.contracts,
        "tilt_contracts": layer.tilt_contracts,
        "recycled_contracts": layer.recycled_contracts,
        "held_contracts": layer.held_contracts,
        "expiry": None if layer.expiry is None else layer.expiry.isoformat(),
        "strike": layer.strike,
        "delta": _figure(layer.delta, 4),
        "mark_usd": None if greeks is None else _figure(greeks.mark_usd, 2),
        "extrinsic_usd": None if greeks is None else _figure(greeks.extrinsic_usd, 2),
        "theta_usd_per_day": None if greeks is None else _figure(greeks.theta_usd_per_day, 2),
        "gamma": None if greeks is None else _figure(greeks.gamma, 6),
        "vega_usd_per_vol_point": (
            None if greeks is None else _figure(greeks.vega_usd_per_vol_point, 2)
        ),
    }


def _figure(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)


def _rounded(values: Any, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
