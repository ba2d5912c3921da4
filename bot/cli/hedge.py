"""`alvh hedge`: the hedge of one session in figures, words and a picture."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import (
    history_options,
    json_option,
    print_json,
    read_settings,
    session_options,
    settings_options,
)

if TYPE_CHECKING:
    from bot.hedge_view import HedgeView
    from strategies.convexity import ConvexityProfile

BASIS = {
    "open": "the {} open condors",
    "planned": "{} condors at the conservative distance, as none is open",
}
TOLD_SHOCKS = (5, 10, 20, 40)
FIT_LAST = 20


@click.command("hedge")
@session_options
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Draw the hedge's slope beside that of the nearest AMM.",
)
@settings_options
@history_options
@json_option
def command(
    session: date,
    first: date | None,
    journal: Path | None,
    picture: Path | None,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Show the hedge after a session's review: layers, greeks, and what a jump of VIX would bring.

    \b
    Examples:
      alvh hedge --as-of 2018-02-05
      alvh hedge --as-of 2018-02-05 --json
      alvh hedge --as-of 2018-02-02 --picture hedge.png
    """
    from bot.hedge_json import as_json_object  # noqa: PLC0415 - heavy
    from bot.hedge_view import hedge_on_book, hedge_on_replay  # noqa: PLC0415
    from bot.world import historical_world  # noqa: PLC0415

    settings = read_settings(preset, config, overrides)
    world = historical_world(settings, data, seed)
    if journal is None:
        view = hedge_on_replay(settings, world, session, first, seed)
    else:
        view = hedge_on_book(settings, world, session, journal)
    if picture is not None:
        from bot.hedge_picture import draw_hedge  # noqa: PLC0415

        draw_hedge(view, picture)
    if as_json:
        print_json(as_json_object(view))
    else:
        click.echo(as_text(view))


def as_text(view: "HedgeView") -> str:
    """Return the view in words: the layers, what a jump of VIX brings, and the AMM beside it."""
    lines = [
        f"Hedge after the review of {view.session:%A %d %B %Y}: "
        f"SPX {view.spx:.2f}, VIX {view.vix:.2f} (simulated).",
        view.sentence,
        "",
        *_table(view),
    ]
    if view.profile is None:
        lines += ["", "No profile: no calls are held, or one of them has no quote."]
        return "\n".join(lines)
    lines += ["", *_shocks_told(view, view.profile), "", *_analogy(view.profile)]
    return "\n".join(lines)


def _table(view: "HedgeView") -> list[str]:
    heads = ("layer", "base", "tilt", "recycled", "expiry", "strike", "delta")
    money = ("mark $", "extrinsic $", "theta $/day", "gamma", "vega $/pt")
    line = "{:5} {:>4} {:>4} {:>8} {:>10} {:>6} {:>5} {:>8} {:>11} {:>11} {:>7} {:>9}"
    lines = [line.format(*heads, *money)]
    for row in view.layers:
        counts = (row.layer, row.contracts, row.tilt_contracts, row.recycled_contracts)
        strike = "–" if row.strike is None else f"{row.strike:g}"
        delta = "–" if row.delta is None else f"{row.delta:.2f}"
        greeks = ("–",) * len(money)
        if row.greeks is not None:
            known = row.greeks
            greeks = (
                f"{known.mark_usd:.0f}",
                f"{known.extrinsic_usd:.0f}",
                f"{known.theta_usd_per_day:.1f}",
                f"{known.gamma:.3f}",
                f"{known.vega_usd_per_vol_point:.1f}",
            )
        lines.append(line.format(*counts, str(row.expiry or "–"), strike, delta, *greeks))
    return lines


def _shocks_told(view: "HedgeView", profile: "ConvexityProfile") -> list[str]:
    share, covered = view.coverage, view.covered
    lines = ["If spot VIX jumped at once, the hedge would gain:"]
    for shock in TOLD_SHOCKS:
        text = f"  {shock:+3d} points  ${profile.at(shock):>9,.0f}"
        part = None if share is None else share[shock - int(profile.shocks[0])]
        if covered is not None:
            told = "they lose nothing" if part is None else f"{part:.0%} of their loss"
            text += f"   {told}"
        lines.append(text)
    if covered is not None:
        lines.append(
            f"  measured against {BASIS[covered.basis].format(covered.condors)}, with SPX falling "
            f"1 % for every {covered.vix_points_per_percent:g} points of VIX."
        )
    return lines


def _analogy(profile: "ConvexityProfile") -> list[str]:
    """Say in numbers where the hedge is like a constant-product pool and where it is not."""
    if profile.amm is None or profile.steepening_ratio is None:
        return ["The slope of the hedge is not positive, so no AMM curve is like it."]
    zero, amm = -int(profile.shocks[0]), profile.amm
    slope, ceiling = profile.slope_usd, profile.saturation_usd
    relative = slope / slope[zero]
    most = int(profile.curvature_usd[zero : zero + FIT_LAST].argmax())
    return [
        f"Like an AMM: the next point of VIX brings ${slope[zero]:,.0f} now and "
        f"${slope[zero + FIT_LAST]:,.0f} after a jump of {FIT_LAST}, so the slope steepens "
        f"{profile.steepening_ratio:.2f} times from +1 to +{FIT_LAST}. The constant-product pool "
        f"nearest to it is {amm.depth:.1f} VIX points deep; relative to no jump the two slopes "
        f"differ by {amm.rms:.3f} (rms over 0 … {FIT_LAST}): hedge {relative[zero + 10]:.2f} and "
        f"pool {amm.slope[10]:.2f} at +10, hedge {relative[zero + FIT_LAST]:.2f} and pool "
        f"{amm.slope[FIT_LAST]:.2f} at +{FIT_LAST}.",
        f"Unlike an AMM: the slope steepens fastest near +{most} and ever less beyond (concave), "
        f"and once every call is deep in the money a point brings ${ceiling:,.0f} through the "
        "futures, a little more while vol still rises; "
        f"at +{len(slope) - zero - 1} it is ${slope[-1]:,.0f}. The pool's price rises ever faster "
        f"(convex) and without bound as the jump nears {amm.depth:.1f}. The pay-off is convex, "
        "but the protection is not exponential.",
    ]
