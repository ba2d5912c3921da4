"""What is shown at the end of a run."""

import json
from pathlib import Path

from rich.console import Console

from bot.bootstrap import Rig
from bot.cli.backtest import as_text
from bot.cli.options import print_json
from bot.picture import draw


def finish(
    rig: Rig, console: Console, folder: Path, subtitle: str, profile: str, *, as_json: bool
) -> None:
    """Print a run's result, and write its summary and picture into its folder."""
    points = rig.summary.points
    if not points:
        console.print(f"No session was completed. Journal and log: {folder}")
        return
    result = rig.result() | {
        "from": points[0].session.isoformat(),
        "to": points[-1].session.isoformat(),
        "seed": rig.world.seed,
        "simulated": rig.is_simulated,
        "profile": profile,
        "series": rig.world.series(points[0].session, points[-1].session),
        "folder": str(folder),
    }
    text = json.dumps(result, indent=2) + "\n"
    (folder / "summary.json").write_text(text, encoding="utf-8")
    title = (
        f"SPX iron condors with and without the VIX-call hedge, {result['from']} … {result['to']}\n"
        f"{subtitle}"
    )
    draw(points, float(rig.summary.start_nlv_usd), title, folder / "equity.png")
    if as_json:
        print_json(result)
        return
    console.print()
    console.print(as_text(result), highlight=False, soft_wrap=True)
    console.print()
    console.print(f"Written to {folder}/: equity.png, summary.json, journal.db, bot.log")
