"""Renews the pictures of the dashboard in docs/images/web: python tests/web/take_pictures.py

Every page of the sample run, wide and on a phone, light and dark, of few colours to be small.
With --page only that one, with --out into another folder.
"""

import asyncio
import io
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from PIL import Image
from playwright.async_api import async_playwright
from test_browser import chromium_path
from web_samples import SEED, Site, site_at_noon

from bot.settings import Settings
from bot.web.app import PAGES
from bot.world import historical_world

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "images" / "web"
SIZES = {"wide": (1280, 800), "phone": (390, 844)}
TALLEST = 1500
COLOURS = 200
ON_PHONE = (("overview", "light"), ("condor", "dark"), ("hedge", "light"), ("decisions", "dark"))


async def take(site: Site, context: "BrowserContext", name: str) -> Image.Image:
    """Return the picture of one page, with a decision or an order opened."""
    site.desk.monitor.beat()
    page = await context.new_page()
    await page.goto(site.address + ("/" if name == "overview" else f"/{name}"))
    await page.wait_for_selector("body[data-ready]")
    if name in ("decisions", "orders"):
        await page.click("td button.link >> nth=1")
        await page.wait_for_selector("#whole")
        await page.evaluate("scrollTo(0, 0)")
    await page.wait_for_timeout(300)
    shot = Image.open(io.BytesIO(await page.screenshot(full_page=True))).convert("RGB")
    await page.close()
    return shot.crop((0, 0, shot.width, min(shot.height, TALLEST)))


def keep(picture: Image.Image, path: Path) -> None:
    """Write a picture with few colours."""
    few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Return pictures of phones beside each other."""
    width, height, gap = pictures[0].width, 1300, 20
    whole = Image.new("RGB", (len(pictures) * (width + gap) - gap, height), "#8890a0")
    for number, picture in enumerate(pictures):
        whole.paste(picture.crop((0, 0, width, height)), (number * (width + gap), 0))
    return whole


async def shots_of(names: Sequence[str]) -> dict[tuple[str, str, str], Image.Image]:
    """Return the picture of each page, size and theme."""
    world = historical_world(Settings(), None, SEED)
    shots: dict[tuple[str, str, str], Image.Image] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with site_at_noon(world, Path(folder)) as site, async_playwright() as driver:
            shutil.rmtree(Path(folder) / "reports")
            shutil.copytree(DOCS / "studies", Path(folder) / "reports")
            browser = await driver.chromium.launch(
                executable_path=chromium_path(), args=["--no-sandbox"]
            )
            for theme in ("light", "dark"):
                for size, (width, height) in SIZES.items():
                    context = await browser.new_context(
                        viewport={"width": width, "height": height},
                        color_scheme="dark" if theme == "dark" else "light",
                    )
                    for name in names:
                        shots[name, size, theme] = await take(site, context, name)
                    await context.close()
            await browser.close()
    return shots


def main() -> None:
    """Take the pictures that were asked for."""
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--page", choices=tuple(PAGES), help="only this page")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the pictures")
    given = parser.parse_args()
    shots = asyncio.run(shots_of([given.page] if given.page else list(PAGES)))
    given.out.mkdir(parents=True, exist_ok=True)
    for (name, size, theme), picture in shots.items():
        keep(picture, given.out / f"{name}-{size}-{theme}.png")
    if given.page is None:
        phones = [shots[name, "phone", theme] for name, theme in ON_PHONE]
        keep(side_by_side(phones), given.out / "phone.png")


if __name__ == "__main__":
    main()
