"""The pages in a real browser: nothing fails, nothing is hidden from anybody, nothing is lost."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from web_samples import TOKEN, Site, site_at_noon

from bot.events import HaltAsked, ResumeAsked
from bot.journal.reader import JournalReader
from bot.web.app import PAGES
from bot.web.facts import News
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
TUESDAY, LAST_DAY = date(2018, 2, 6), date(2018, 3, 29)
TRIES = 4
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


LOADED = """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
  .map((each) => each.transferSize)"""


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_loads_without_a_complaint_and_only_from_here_and_little(
    site: Site, tab: Tab, name: str
) -> None:
    await tab.open(site, name)
    loaded = await tab.page.evaluate(LOADED)

    assert tab.complaints == []
    assert len(loaded) > 10
    assert sum(loaded) < 150_000
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


WATCH = """() => {
  window.heard = {}; window.shown = {};
  const note = (element, seen) => new MutationObserver(() => {
    seen[element.dataset.seq] ??= Date.now();
  }).observe(element, { attributes: true, attributeFilter: ["data-seq"] });
  note(document.body, window.heard);
  note(document.getElementById("view"), window.shown);
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def living(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Site, Iterator[date]]]:
    """Return a run of its own, and the sessions that it has yet to live through."""
    async with site_at_noon(world, tmp_path_factory.mktemp("living")) as served:
        yield served, iter(world.calendar.between(TUESDAY, LAST_DAY))


@dataclass(frozen=True)
class Lateness:
    """Seconds from the commit of each event until the page heard of it, and until its figures
    knew it; `foreign` are numbers that were never committed."""

    heard_s: dict[int, float]
    shown_s: dict[int, float]
    foreign: list[int]

    def most_s(self) -> float:
        """Return the longest of all."""
        return max(*self.heard_s.values(), *self.shown_s.values())


async def lateness(site: Site, tab: Tab, session: date) -> Lateness:
    """Return how late an open page was in each turn of the bot over a session."""
    await tab.page.evaluate(WATCH)
    clock = asyncio.get_running_loop().time
    offset = await tab.page.evaluate("Date.now()") / 1000 - clock()
    committed: dict[int, float] = {}

    def note(news: News) -> None:
        committed[news.seq] = clock() + offset

    site.desk.feed.listen(note)
    async for _ in site.live(session):
        last = site.desk.facts.seq
        await tab.page.wait_for_selector(f"#view[data-seq='{last}']", timeout=WAIT_MS)
    heard, shown = [
        {int(seq): at / 1000 for seq, at in (await tab.page.evaluate(f"window.{seen}")).items()}
        for seen in ("heard", "shown")
    ]
    return Lateness(
        {seq: heard[seq] - at for seq, at in committed.items()},
        {
            seq: min(then for known, then in shown.items() if known >= seq) - at
            for seq, at in committed.items()
        },
        sorted(set(heard) - set(committed)),
    )


@pytest.mark.parametrize("name", PAGES)
async def test_a_commit_and_the_figures_after_it_are_on_each_page_within_100_milliseconds(
    living: tuple[Site, Iterator[date]], tab: Tab, name: str
) -> None:
    site, sessions = living
    await tab.open(site, name)

    found = [await lateness(site, tab, next(sessions))]
    # What else the machine does is no lateness of ours: a page that is slow is so every time.
    while found[-1].most_s() >= 0.1 and len(found) < TRIES:
        found.append(await lateness(site, tab, next(sessions)))

    assert all(len(each.heard_s) > 20 for each in found)
    assert [each.foreign for each in found] == [[]] * len(found)
    assert found[-1].most_s() < 0.1
    assert tab.complaints == []


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
