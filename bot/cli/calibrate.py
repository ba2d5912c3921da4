"""`alvh calibrate`: the market model against real chains."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bot.cli.options import DEFAULT_SEED, json_option, print_json
from market.errors import ConfigError

DEFAULT_OUT = Path("surface.toml")


@click.command("calibrate")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with market history and, to refit, real chains.",
)
@click.option(
    "--evaluate",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE.parquet",
    help="Only measure the shipped parameters on these chains.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="Write the refitted parameters here.  [default: surface.toml]",
)
@json_option
def command(data: Path | None, file: Path | None, out: Path | None, as_json: bool) -> None:
    """Refit the market model on the real chains of a folder, or measure it on a file of them.

    A file holds one row per option: spot, expiry, strike, right, bid, ask and quote_date (with
    as_of_et) or quote_ts_et, New York times.

    \b
    Examples:
      alvh calibrate --evaluate chains.parquet --data DIR --json
      alvh calibrate --data DIR --out surface.toml
    """
    from bot.settings import DEFAULT_PRESET, load_settings  # noqa: PLC0415 - heavy
    from bot.world import historical_world  # noqa: PLC0415

    if file is None and data is None:
        raise ConfigError("calibrate needs chains: name a folder with --data, or --evaluate FILE.")
    if file is not None and out is not None:
        raise ConfigError("--evaluate measures and --out writes a refit; give one of them.")
    target = _target(out) if file is None else DEFAULT_OUT
    world = historical_world(load_settings(DEFAULT_PRESET, None, ()), data, DEFAULT_SEED)
    if file is not None:
        _show(_evaluated(world, file), as_json)
        return
    if data is not None:
        _show(_refitted(world, data, target), as_json)


def _target(out: Path | None) -> Path:
    """Return the file to write, known before minutes are spent on a fit.

    Raises:
        ConfigError: its folder is absent, or the file was not named and exists.
    """
    target = out or DEFAULT_OUT
    if out is None and target.exists():
        raise ConfigError(f"{target} exists; name the file to write with --out.")
    if not target.parent.is_dir():
        raise ConfigError(f"--out {target} cannot be written: its folder is not there.")
    return target


def _evaluated(world: Any, file: Path) -> dict[str, Any]:
    from bot.calibration import evaluate_file  # noqa: PLC0415 - heavy

    return evaluate_file(world, file)


def _refitted(world: Any, data: Path, target: Path) -> dict[str, Any]:
    from bot.calibration import calibrate  # noqa: PLC0415 - heavy
    from bot.calibration_text import params_text  # noqa: PLC0415
    from bot.clock import SystemClock  # noqa: PLC0415
    from bot.world import shipped_params  # noqa: PLC0415

    found = calibrate(world, data, shipped_params())
    text = params_text(found, SystemClock().now().date())
    target.write_text(text, encoding="utf-8")
    told = {"sample": found.sample, "vix1d_held_out": found.vix1d, "written": str(target)}
    return told | {
        "fits": [asdict(note) | {"line": note.line()} for note in found.notes],
        "held_out": found.held_out,
    }


def _show(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    errors = told.get("held_out", told)
    if "written" in told:
        click.echo(f"Fitted; written to {told['written']}.")
        for line in told["fits"]:
            click.echo(line["line"])
        click.echo("Chains held out:")
    for one in errors["snapshots"]:
        click.echo(_line(one))
    measured = [name for name in ("spx", "vix") if name in errors]
    for name in measured:
        click.echo(_table(name, errors[name]))
    if not measured and "written" not in told:
        click.echo("Nothing could be measured; name a folder whose history has those days: --data.")


def _line(one: dict[str, Any]) -> str:
    head = f"{one['name']:34} {one['underlying']} {one['at'][:16]}"
    if one["skipped"]:
        return f"{head}  left out: {one['skipped']}"
    error, inside = one["error"], sum(condor["is_within"] for condor in one["condors"])
    shown = "–" if error["count"] == 0 else f"{error['median_absolute']:.3f}"
    condors = f", condors within bounds {inside} of {len(one['condors'])}" if one["condors"] else ""
    return f"{head}  median error {shown} ({error['count']} options){condors}"


def _table(name: str, told: dict[str, Any]) -> str:
    lines = [f"{name.upper()}, errors in {told['unit']}: all {_figures(told['all'])}"]
    for title, key in (("days", "by_tenor_days"), ("delta", "by_delta")):
        lines += [
            f"  {title} {bucket['from']:g} to {bucket['to']:g}: {_figures(bucket)}"
            for bucket in told[key]
        ]
    lines += [f"  {name} layer: {_figures(one)}" for name, one in told.get("by_layer", {}).items()]
    if "condors" in told:
        lines.append(f"  one-day condors: {_figures(told['condors'])}")
    if "half_spread" in told:
        lines.append(f"  half spreads, mean error in logs: {_widths(told['half_spread'])}")
    return "\n".join(lines)


def _widths(told: dict[str, Any]) -> str:
    names = ("out_of_the_money", "in_the_money", "calls_5_to_50_delta", "night")
    shown = [f"{name.replace('_', ' ')} {told[name]:.3f}" for name in names if told.get(name)]
    return ", ".join(shown) or "none"


def _figures(bucket: dict[str, Any]) -> str:
    if not bucket["count"]:
        return "none"
    return (
        f"median {bucket['median_absolute']:.3f}, 90 % below {bucket['quantile_90']:.3f},"
        f" bias {bucket['bias']:+.3f}, {bucket['count']} cases"
    )
