"""The pages in a real browser: nothing fails, nothing is hidden from anybody, nothing is lost."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from web_samples import TOKEN, Site, site_at_noon

from bot.events import HaltAsked, ResumeAsked
from bot.journal.reader import JournalReader
from bot.web.app import PAGES
from bot.web.options import TOKEN_VARIABLE
from bot.world import World
from market.schedule import MomentName

playwright_api = pytest.importorskip(
    "playwright.async_api", reason="the browser tests need playwright: make browser"
)
if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
WAIT_MS = 10_000
READY = "body[data-ready]"


def chromium_path() -> str | None:
    """Return where the browser is: named by ALVH_CHROMIUM, else found on the path."""
    return os.environ.get("ALVH_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Return the sample run's dashboard with a token set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TOKEN_VARIABLE, TOKEN)
        async with site_at_noon(world, tmp_path_factory.mktemp("site")) as served:
            yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator["Browser"]:
    """Return a headless Chromium."""
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium is at hand; install one or name it in ALVH_CHROMIUM")
    async with playwright_api.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()


class Tab:
    """One open page, and everything it complained of or loaded."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def open(self, site: Site, name: str) -> None:
        """Open a page of the dashboard and wait until its figures stand."""
        await self.page.goto(site.address + ("/" if name == "overview" else f"/{name}"))
        await self.page.wait_for_selector(READY, timeout=WAIT_MS)

    async def number(self, selector: str) -> float:
        """Return a dollar figure as the page shows it."""
        text = await self.page.inner_text(selector)
        return float(text.replace("−", "-").replace("$", "").replace(",", ""))


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser: "Browser") -> AsyncIterator[Tab]:
    """Return an empty tab of its own profile."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    yield Tab(await context.new_page())
    await context.close()


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_loads_without_a_complaint_and_only_from_here(
    site: Site, tab: Tab, name: str
) -> None:
    await tab.open(site, name)

    assert tab.complaints == []
    assert tab.hosts == {site.address.removeprefix("http://")}


@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark")],
    ids=["wide, light", "wide, dark", "phone, light", "phone, dark"],
)
async def test_no_page_shuts_anybody_out(
    site: Site, browser: "Browser", viewport: Any, scheme: Any
) -> None:
    context = await browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    found: dict[str, list[str]] = {}
    wider: dict[str, int] = {}
    complaints: dict[str, list[str]] = {}
    for name in PAGES:
        tab = Tab(await context.new_page())
        await tab.open(site, name)
        if name in ("decisions", "orders"):
            await tab.page.click("td button.link >> nth=1")
            await tab.page.wait_for_selector("#whole")
        await tab.page.add_script_tag(path=AXE)
        told = await tab.page.evaluate("axe.run({ resultTypes: ['violations'] })")
        found[name] = [
            f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}"
            for rule in told["violations"]
            for node in rule["nodes"]
        ]
        wider[name] = await tab.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        complaints[name] = tab.complaints
        await tab.page.close()
    await context.close()

    assert complaints == {name: [] for name in PAGES}
    assert found == {name: [] for name in PAGES}
    assert wider == dict.fromkeys(PAGES, 0)


async def test_the_figures_are_those_of_the_journal(site: Site, tab: Tab) -> None:
    with JournalReader(site.journal) as reader:
        equity, decisions = reader.table("equity")[-1], reader.table("decisions")
    latest = next(row for row in reversed(decisions) if row["strategy"] == "condor")

    await tab.open(site, "overview")

    assert await tab.number("#nlv") == float(str(equity["nlv_usd"]))
    assert await tab.number("#unhedged") == float(str(equity["unhedged_nlv_usd"]))
    assert await tab.page.inner_text("#decision") == latest["sentence"]


async def test_a_decision_opens_into_its_filters_by_the_keyboard_alone(
    site: Site, tab: Tab
) -> None:
    await tab.open(site, "decisions")
    await tab.page.fill("#q", "sell 2 conservative 2018-02-02")
    await tab.page.wait_for_selector("caption:has-text('1 found')")

    await tab.page.focus("td button.link")
    await tab.page.keyboard.press("Enter")
    await tab.page.wait_for_selector("#whole")

    text = await tab.page.inner_text("#detail")
    assert "VIX 17.31 rules out the aggressive tier" in text
    assert re.search(r"\d+ of \d+ condors brought it", text)
    assert await tab.page.evaluate("document.activeElement.id") == "whole"


async def test_an_order_opens_into_its_price_diary(site: Site, tab: Tab) -> None:
    name = "R-20180202-condor-entry-1"
    state = site.rig.book.orders[name]
    await tab.open(site, "orders")

    await tab.page.click(f"text={name}")
    await tab.page.wait_for_selector("#whole")

    shown = f"Filled {state.filled} for {state.average_credit:.2f} credit."
    assert shown in await tab.page.inner_text("#detail")


async def test_the_theme_is_kept(site: Site, tab: Tab) -> None:
    await tab.page.emulate_media(color_scheme="light")
    await tab.open(site, "overview")

    await tab.page.click("#theme")
    await tab.open(site, "condor")

    assert await tab.page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_a_commit_is_on_the_page_within_100_milliseconds(site: Site, tab: Tab) -> None:
    await tab.open(site, "overview")
    await tab.page.evaluate(
        """() => { window.seen = {}; new MutationObserver(() => {
             const seq = document.body.dataset.seq; window.seen[seq] ??= Date.now();
           }).observe(document.body, { attributes: true }); }"""
    )
    committed: dict[int, float] = {}
    clock = asyncio.get_running_loop().time
    offset = await tab.page.evaluate("Date.now()") / 1000 - clock()

    def note(news: Any) -> None:
        committed[news.seq] = clock() + offset

    site.desk.feed.listen(note)
    await site.keep(MomentName.THREAT_SCAN_3)
    last = site.desk.facts.seq
    await tab.page.wait_for_selector(f"#log li[data-seq='{last}']", timeout=WAIT_MS)

    seen = await tab.page.evaluate("window.seen")
    late_s = [seen[str(seq)] / 1000 - at for seq, at in committed.items()]
    assert sorted(map(int, seen)) == sorted(committed)
    assert max(late_s) < 0.1


@pytest.mark.parametrize("name", PAGES)
async def test_every_page_hears_of_a_commit_from_the_stream(
    site: Site, tab: Tab, name: str
) -> None:
    await tab.open(site, name)
    now = site.clock.now()

    await site.rig.shell.handle(HaltAsked(now, "a look"))
    last = site.desk.facts.seq
    await tab.page.wait_for_selector(f"body[data-seq='{last}']", timeout=WAIT_MS)
    await tab.page.wait_for_selector("#state[data-state='halted']", timeout=WAIT_MS)
    await site.rig.shell.handle(ResumeAsked(now, "seen"))
    await tab.page.wait_for_selector("#state[data-state='trading']", timeout=WAIT_MS)

    assert tab.complaints == []


async def test_a_reconnect_loses_nothing(site: Site, tab: Tab) -> None:
    await tab.open(site, "overview")
    before = site.desk.facts.seq

    await tab.page.context.set_offline(True)
    await tab.page.evaluate("dispatchEvent(new Event('pagehide'))")
    await site.keep(MomentName.THREAT_SCAN_4)
    await site.keep(MomentName.CASH_CLOSE)
    last = site.desk.facts.seq
    missed = await tab.page.query_selector(f"#log li[data-seq='{last}']")
    await tab.page.context.set_offline(False)
    await tab.page.evaluate("dispatchEvent(new Event('pageshow'))")
    await tab.page.wait_for_selector(f"#log li[data-seq='{last}']", timeout=WAIT_MS)

    rows = await tab.page.eval_on_selector_all("#log li", "each => each.map(li => +li.dataset.seq)")
    assert missed is None
    assert [seq for seq in rows if seq > before] == list(range(last, before, -1))
