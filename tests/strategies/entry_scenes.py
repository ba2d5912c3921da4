"""Entry decisions of sample scenes with indicators and account changed field by field."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sample_scenes import DEFAULTS, Scene

from market.quotes import SpxBar
from market.schedule import MomentName
from strategies.base import Decision, ExpectedState, View
from strategies.condor import CondorStrategy
from strategies.params import MethodParams

BAR = timedelta(minutes=15)


def tuned(**sections: Mapping[str, Any]) -> MethodParams:
    """Return the defaults with some keys of some sections changed."""
    return MethodParams.model_validate(sections)


def entry_view(
    scene: Scene,
    params: MethodParams = DEFAULTS,
    *,
    indicators: Mapping[str, Any] | None = None,
    capital: Mapping[str, Any] | None = None,
) -> View:
    """Return the view of a scene's entry with some fields changed; hedge quotes are in it."""
    strategy = CondorStrategy(params)
    request = strategy.needs(scene.context(MomentName.ENTRY))
    assert request is not None
    held = tuple(position.contract for position in scene.layers)
    view = scene.view(MomentName.ENTRY, replace(request, contracts=held))
    return replace(
        view,
        indicators=replace(view.indicators, **(indicators or {})),
        capital=replace(view.capital, **(capital or {})),
    )


def decide_with(
    scene: Scene,
    params: MethodParams = DEFAULTS,
    *,
    indicators: Mapping[str, Any] | None = None,
    capital: Mapping[str, Any] | None = None,
) -> Decision:
    """Return the entry decision of that view."""
    view = entry_view(scene, params, indicators=indicators, capital=capital)
    return CondorStrategy(params).decide(view)


def expecting(
    irr_frac: float, *, count: int = 100, since: int = 50, negative_at: int | None = None
) -> ExpectedState:
    """Return the state of a sample with that expected yearly return."""
    return ExpectedState(count, irr_frac / 252, since, negative_at)


def afternoon_view(
    scene: Scene, params: MethodParams, closes: tuple[float, ...], *, last_at: timedelta = BAR * 0
) -> View | None:
    """Return the view at the third scan with 15-minute closes that end there, None unasked."""
    context = scene.context(MomentName.THREAT_SCAN_3)
    request = CondorStrategy(params).needs(context)
    if request is None:
        return None
    view = scene.view(MomentName.THREAT_SCAN_3, request)
    ends = [context.at - last_at - BAR * number for number in reversed(range(len(closes)))]
    bars = tuple(SpxBar(at, close, None) for at, close in zip(ends, closes, strict=True))
    return replace(view, snapshot=replace(view.snapshot, bars=bars))
