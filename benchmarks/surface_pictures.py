"""Draws real against modelled smiles of three days into docs/images.

Run from the root of the project: ALVH_DATA=DIR python benchmarks/surface_pictures.py
"""

import os
import sys
from datetime import date
from pathlib import Path

import matplotlib as mpl
import numpy as np

from bot.calibration import closing_snapshots
from bot.settings import DEFAULT_PRESET, load_settings
from bot.world import World, historical_world
from market.calibration.chains import Snapshot
from market.calibration.usable import usable
from market.quotes import Chain
from market.sessions import exchange_zone

mpl.use("Agg")

DAYS = {
    date(2023, 9, 14): ("calm", "smile_2023_09_14.png"),
    date(2022, 6, 10): ("nervous", "smile_2022_06_10.png"),
    date(2020, 9, 4): ("stressed", "smile_2020_09_04.png"),
}
TENORS_DAYS = (1, 7, 30, 60)
REACH_SDS = (-7.0, 3.5)


def draw(world: World, snapshot: Snapshot, mood: str, path: Path) -> None:
    """Draw the smiles nearest to four tenors: dots are real mids, the line is the model."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - after the backend is chosen

    figure = Figure(figsize=(11, 7), layout="constrained")
    day = snapshot.at.astimezone(exchange_zone()).date()
    vix = world.market.levels(snapshot.at).vix
    figure.suptitle(f"SPX smiles, {day} ({mood}, VIX {vix:.2f}): real mids and the model")
    for axes, days in zip(figure.subplots(2, 2).flat, TENORS_DAYS, strict=True):
        real = min(snapshot.chains, key=lambda chain: abs(chain.years * 365.0 - days))
        kept = usable(real) & _is_near(real)
        model = world.market.chain_on_forward(
            (real.trading_class, real.expiry), real.at, real.forward, real.strikes[kept]
        )
        axes.plot(real.strikes[kept], 100 * real.call_iv[kept], ".", ms=4, label="real")
        axes.plot(model.strikes, 100 * model.call_iv, lw=1.5, label="model")
        axes.axvline(real.forward, color="0.7", lw=0.8)
        axes.set_title(f"{real.trading_class} {real.expiry}, {real.years * 365:.1f} days")
        axes.set_xlabel("strike, points")
        axes.set_ylabel("implied vol, %")
        axes.legend()
    figure.savefig(path, dpi=90)


def _is_near(chain: Chain) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    kept = usable(chain)
    atm = float(np.interp(chain.forward, chain.strikes[kept], chain.call_iv[kept]))
    z = np.log(chain.strikes / chain.forward) / (atm * np.sqrt(chain.years))
    return np.asarray((z > REACH_SDS[0]) & (z < REACH_SDS[1]))


def main() -> None:
    """Draw all pictures."""
    named = os.environ.get("ALVH_DATA")
    if not named:
        sys.exit("ALVH_DATA must name a folder of real market data.")
    world = historical_world(load_settings(DEFAULT_PRESET, None, ()), Path(named), seed=7)
    folder = Path(__file__).resolve().parent.parent / "docs" / "images"
    folder.mkdir(exist_ok=True)
    for snapshot in closing_snapshots(world, Path(named) / "spx_chain_snapshots.parquet"):
        day = snapshot.at.astimezone(exchange_zone()).date()
        if day in DAYS:
            mood, name = DAYS[day]
            draw(world, snapshot, mood, folder / name)


if __name__ == "__main__":
    main()
