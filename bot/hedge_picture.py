"""The picture of one hedge: its slope beside that of the nearest AMM, and its pay-off."""

from pathlib import Path
from typing import Any

import numpy as np

from bot.hedge_view import HedgeView
from market.errors import ConfigError
from strategies.convexity import FIRST_SHOCK, FIT_LAST, AmmFit, ConvexityProfile

HEDGE, POOL, LOSS = "#1b6ca8", "#b5651d", "#9b2d30"
INCHES = (11.0, 5.0)
DOTS_PER_INCH = 110


def draw_hedge(view: HedgeView, path: Path) -> None:
    """Write the picture as PNG; slopes are relative to x = 0, so one axis holds both.

    Raises:
        ConfigError: there is no profile to draw, or the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy
    from matplotlib.figure import Figure  # noqa: PLC0415

    profile = view.profile
    if profile is None or profile.amm is None:
        raise ConfigError(
            f"no calls with quotes are held after {view.session}, so there is nothing to draw for"
            f" --picture {path}; choose a later --as-of."
        )
    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _slopes(left, profile, profile.amm)
    _payoff(right, view, profile)
    figure.suptitle(
        f"Simulated: the hedge after {view.session}, VIX {view.vix:.2f}, "
        f"steepening {profile.steepening_ratio or 0.0:.2f}",
        fontsize=12,
    )
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise ConfigError(f"--picture {path} cannot be written: {error.strerror}.") from None


def _slopes(axis: Any, profile: ConvexityProfile, amm: AmmFit) -> None:
    zero = -FIRST_SHOCK
    shocks = np.arange(FIT_LAST + 1)
    slope = profile.slope_usd[zero : zero + FIT_LAST + 1]
    axis.plot(shocks, slope / slope[0], color=HEDGE, linewidth=1.8, label="hedge")
    pool = f"constant-product AMM, depth {amm.depth:.1f} points"
    axis.plot(shocks, amm.slope, color=POOL, linewidth=1.8, label=pool)
    ceiling = profile.saturation_usd / slope[0]
    axis.axhline(ceiling, color=HEDGE, linewidth=0.9, linestyle=":", label="hedge saturates")
    axis.set_title(f"slope: the misfit is {amm.rms:.3f} (rms)", fontsize=10)
    axis.set_xlabel("jump of spot VIX, points")
    axis.set_ylabel("gain per further point, relative to none")
    axis.set_xlim(0, FIT_LAST)
    axis.set_ylim(bottom=0)
    axis.legend(loc="lower right", frameon=False)
    axis.grid(alpha=0.25)


def _payoff(axis: Any, view: HedgeView, profile: ConvexityProfile) -> None:
    shown = slice(-FIRST_SHOCK, -FIRST_SHOCK + FIT_LAST + 1)
    shocks = profile.shocks[shown]
    axis.plot(shocks, profile.payoff_usd[shown] / 1e3, color=HEDGE, linewidth=1.8, label="hedge")
    if view.covered is not None:
        losses = view.covered.loss_usd[shown] / 1e3
        label = f"loss of {view.covered.condors} condors ({view.covered.basis})"
        axis.plot(shocks, losses, color=LOSS, linewidth=1.5, linestyle="--", label=label)
    axis.set_title("pay-off", fontsize=10)
    axis.set_xlabel("jump of spot VIX, points")
    axis.set_ylabel("thousand USD")
    axis.set_xlim(0, FIT_LAST)
    axis.set_ylim(bottom=0, top=1.25 * axis.get_ylim()[1])  # room for the legend
    axis.legend(loc="upper left", frameon=False)
    axis.grid(alpha=0.25)
