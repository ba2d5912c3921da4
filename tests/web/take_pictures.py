"""Renews the pictures of the dashboard in docs/images/web: python tests/web/take_pictures.py

Every page of the sample run, wide and on a phone, light and dark, of few colours to be small.
"""

import asyncio
import io
import shutil
import sys
import tempfile
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


def keep(picture: Image.Image, name: str) -> None:
    """Write a picture with few colours."""
    few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(FOLDER / f"{name}.png", optimize=True)


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Return pictures of phones beside each other."""
    width, height, gap = pictures[0].width, 1300, 20
    whole = Image.new("RGB", (len(pictures) * (width + gap) - gap, height), "#8890a0")
    for number, picture in enumerate(pictures):
        whole.paste(picture.crop((0, 0, width, height)), (number * (width + gap), 0))
    return whole


async def main() -> None:
    """Take every picture."""
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
                    for name in PAGES:
                        shots[name, size, theme] = await take(site, context, name)
                    await context.close()
            await browser.close()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for (name, size, theme), picture in shots.items():
        keep(picture, f"{name}-{size}-{theme}")
    keep(side_by_side([shots[name, "phone", theme] for name, theme in ON_PHONE]), "phone")


if __name__ == "__main__":
    asyncio.run(main())
