"""The dashboard over a real socket: who may ask, what is answered, and that no event is lost."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from web_samples import TOKEN, Site, site_at_noon

from bot.journal.reader import JournalReader
from bot.web.app import PAGES, as_json
from bot.web.facts import News
from bot.web.options import TOKEN_VARIABLE, WebSettings, require_safe, token_of
from bot.web.server import bound_socket
from bot.world import World
from market.errors import ConfigError
from market.schedule import MomentName

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONGEST_WAIT_S = 10.0
BEARER = {"authorization": f"Bearer {TOKEN}"}
HALT = {"confirm": "HALT"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Return the sample run's dashboard with a token set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TOKEN_VARIABLE, TOKEN)
        async with site_at_noon(world, tmp_path_factory.mktemp("site")) as served:
            yield served


@pytest_asyncio.fixture(loop_scope="module")
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the dashboard."""
    async with httpx2.AsyncClient(base_url=site.address, timeout=LONGEST_WAIT_S) as client:
        yield client


@pytest.mark.parametrize("page", PAGES)
async def test_each_page_is_small_and_loads_nothing_from_elsewhere(
    client: httpx2.AsyncClient, page: str
) -> None:
    answer = await client.get("/" if page == "overview" else f"/{page}")

    assert answer.status_code == 200
    assert f"<title>{PAGES[page]} · ALVH</title>" in answer.text
    assert 'aria-current="page"' in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("page", PAGES)
async def test_all_that_a_page_loads_is_below_150_kilobytes(
    client: httpx2.AsyncClient, page: str
) -> None:
    static = Path(__file__).parents[2] / "bot" / "web" / "static"
    scripts = [*static.glob("js/*.js"), static / f"js/pages/{page}.js"]
    loaded = [*scripts, *static.glob("*.*"), *static.glob("vendor/*.min.*")]

    total = sum(path.stat().st_size for path in loaded)
    for figures in {"overview", page}:
        total += len((await client.get(f"/api/{figures}")).content)

    assert total < 150_000


@pytest.mark.parametrize(
    "path",
    ["overview", "condor", "hedge", "decisions", "orders", "calendar", "reports", "health"],
)
async def test_each_page_has_its_figures_as_json(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/{path}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json(), dict)


async def test_health_fails_when_the_loop_of_the_daemon_stands(
    client: httpx2.AsyncClient, site: Site
) -> None:
    before = await client.get("/healthz")

    site.desk.monitor.beat(at=asyncio.get_running_loop().time() - 60)
    after = await client.get("/healthz")
    site.desk.monitor.beat()

    assert (before.status_code, before.json()["status"]) == (200, "ok")
    assert (after.status_code, after.json()["loop"]) == (503, "stuck")
    assert (await client.get("/healthz")).status_code == 200


async def test_metrics_tell_the_journal_and_the_account(
    client: httpx2.AsyncClient, site: Site
) -> None:
    lines = (await client.get("/metrics")).text.splitlines()

    assert f"alvh_journal_seq {float(site.desk.facts.seq)}" in lines
    assert f"alvh_nlv_usd {float(site.rig.book.last_nlv_usd)}" in lines
    assert 'alvh_hedge_contracts{layer="near"} 4.0' in lines
    fills = float(len(site.rig.book.fill_fees_usd))
    assert f'alvh_events_total{{kind="order_filled"}} {fills}' in lines


async def test_a_foreign_name_for_the_loopback_address_is_not_served(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.get("/api/overview", headers={"host": "rebound.example:80"})

    assert (answer.status_code, answer.text) == (421, "This address is not served here.\n")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, HALT, 401),
        ({"authorization": "Bearer wrong"}, HALT, 403),
        ({"authorization": "Basic OjAxMjM0NTY3ODlhYmNkZWYwMTIz"}, HALT, 403),
        (BEARER | {"origin": "https://elsewhere.example"}, HALT, 403),
        (BEARER | {"content-type": "text/plain"}, HALT, 415),
        (BEARER, {}, 400),
        (BEARER, {"confirm": "halt"}, 400),
        (BEARER, {"confirm": "RESUME"}, 400),
        (BEARER, [], 400),
    ],
    ids=[
        "no token", "wrong token", "token of the browser", "foreign page", "form", "unconfirmed",
        "lower case", "other word", "no object",
    ],
)  # fmt: skip
async def test_an_order_without_token_origin_and_word_is_refused(
    client: httpx2.AsyncClient, headers: dict[str, str], body: object, status: int
) -> None:
    answer = await client.post(
        "/api/halt",
        content=json.dumps(body),
        headers={"content-type": "application/json"} | headers,
    )

    assert answer.status_code == status
    assert answer.json()["error"].endswith((".", "…"))


@pytest.mark.parametrize("path", ["../journal.db", "%2e%2e/journal.db", "nothing.html", ""])
async def test_only_reports_below_their_folder_are_served(
    client: httpx2.AsyncClient, path: str
) -> None:
    answer = await client.get(f"/reports/files/{path}")

    assert answer.status_code == 404


async def test_a_link_out_of_the_folder_of_reports_is_not_followed(
    client: httpx2.AsyncClient, site: Site
) -> None:
    secret = site.journal.parent / "secret.txt"
    secret.write_text("not for the page")
    link = site.desk.reports / "linked.txt"
    link.symlink_to(secret)

    answer = await client.get("/reports/files/linked.txt")
    link.unlink()

    assert answer.status_code == 404


async def test_a_report_runs_without_an_origin(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/reports/files/study.html")

    assert answer.text.startswith("<!doctype html>")
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts;")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/decisions/1", 404),
        ("/api/orders/unheard-of", 404),
        ("/api/decisions?limit=many", 400),
        ("/api/stream?after=-1", 400),
        ("/api/nothing", 405),
    ],
)
async def test_what_is_not_there_is_said(
    client: httpx2.AsyncClient, path: str, status: int
) -> None:
    answer = await client.get(path)

    assert answer.status_code == status


async def events(client: httpx2.AsyncClient, after: int, last: int) -> list[int]:
    """Return the numbers that a stream from `after` sends, up to `last`."""
    seen: list[int] = []
    async with client.stream("GET", f"/api/stream?after={after}") as answer:
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                seen.append(int(line.removeprefix("id: ")))
                if seen[-1] >= last:
                    return seen
    return seen


async def test_a_stream_sends_every_event_of_the_journal_once_and_in_order(
    client: httpx2.AsyncClient, site: Site
) -> None:
    last = site.desk.facts.seq

    seen = await asyncio.wait_for(events(client, 0, last), LONGEST_WAIT_S)

    assert seen == list(range(1, last + 1))


async def test_a_stream_that_breaks_off_goes_on_where_it_was(
    client: httpx2.AsyncClient, site: Site
) -> None:
    last = site.desk.facts.seq

    first = await asyncio.wait_for(events(client, last - 40, last - 20), LONGEST_WAIT_S)
    rest = await asyncio.wait_for(events(client, first[-1], last), LONGEST_WAIT_S)

    assert first + rest == list(range(last - 39, last + 1))


async def test_what_the_bot_commits_reaches_an_open_stream_within_100_milliseconds(
    client: httpx2.AsyncClient, site: Site
) -> None:
    loop, before = asyncio.get_running_loop(), site.desk.facts.seq
    arrived: dict[int, float] = {}
    committed: dict[int, float] = {}

    async def listen() -> None:
        async with client.stream("GET", f"/api/stream?after={before}") as answer:
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    arrived[int(line.removeprefix("id: "))] = loop.time()
                if "threat_scan_3" in line:
                    return

    def note(news: News) -> None:
        committed[news.seq] = loop.time()

    site.desk.feed.listen(note)
    async with AsyncExitStack() as stack:
        task = asyncio.create_task(listen())
        stack.callback(task.cancel)
        while not site.desk.feed.streams:
            await asyncio.sleep(0.005)
        await site.keep(MomentName.THREAT_SCAN_3)
        last = site.desk.facts.seq
        while last not in arrived:
            await asyncio.sleep(0.005)

    assert sorted(arrived) == list(range(before + 1, last + 1))
    assert max(arrived[seq] - committed[seq] for seq in arrived) < 0.1
    with JournalReader(site.journal) as reader:
        assert [row.seq for row in reader.rows(before)] == sorted(arrived)


async def test_a_taken_port_gives_way_to_the_next_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with bound_socket("127.0.0.1", port) as listener:
            found = listener.getsockname()[1]

    assert port < found <= port + 19


async def test_no_part_of_an_answer_waits_for_the_readers_acknowledgement() -> None:
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = writer.get_extra_info("socket")
        accepted.set_result(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = bound_socket("127.0.0.1", 0)
    async with await asyncio.start_server(answer, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        is_sent_at_once = await accepted
        writer.close()

    assert is_sent_at_once


@pytest.mark.parametrize(
    ("web", "token", "words"),
    [
        ({"bind": "0.0.0.0"}, None, "can be reached from elsewhere; set ALVH_WEB_TOKEN"),
        ({"bind": "0.0.0.0"}, TOKEN, "without TLS is refused"),
        ({"bind": "::"}, TOKEN, "without TLS is refused"),
        ({"bind": "everywhere"}, TOKEN, "is no IP address"),
        ({"proxy": "https://bot.example"}, None, "can be reached from elsewhere"),
        ({"proxy": "http://bot.example"}, TOKEN, "give its public address as https://host"),
        ({"certificate": "absent.pem", "key": "absent.pem"}, TOKEN, "is no file"),
        ({"certificate": __file__}, TOKEN, "go together"),
    ],
)
async def test_an_address_that_others_reach_needs_a_token_and_tls(
    web: dict[str, str], token: str | None, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        require_safe(WebSettings.model_validate(web), token)


@pytest.mark.parametrize(
    ("web", "token"),
    [
        ({}, None),
        ({"bind": "::1"}, None),
        ({"bind": "0.0.0.0", "proxy": "https://bot.example"}, TOKEN),
        ({"bind": "0.0.0.0", "certificate": __file__, "key": __file__}, TOKEN),
    ],
)
async def test_loopback_needs_nothing_and_the_rest_its_protection(
    web: dict[str, str], token: str | None
) -> None:
    require_safe(WebSettings.model_validate(web), token)


async def test_a_short_token_is_refused_without_being_repeated() -> None:
    with pytest.raises(ConfigError, match="has 5 characters") as refused:
        token_of({TOKEN_VARIABLE: "12345"})

    assert "12345" not in str(refused.value)


async def test_behind_a_proxy_reading_needs_the_token_as_a_password(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    web = {"proxy": "https://bot.example"}

    async with site_at_noon(world, tmp_path, web) as site:
        port = site.dashboard.port
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            host = {"host": "bot.example"}
            bare = await client.get("/api/overview", headers=host)
            known = await client.get("/api/overview", headers=host, auth=("", TOKEN))
            health = await client.get("/healthz", headers=host)

    assert (bare.status_code, known.status_code, health.status_code) == (401, 200, 200)
    assert bare.headers["www-authenticate"].startswith("Basic ")


async def test_no_page_takes_lines_from_a_broker_shortly_before_a_moment(site: Site) -> None:
    desk = site.desk
    model = desk.look
    assert model is not None
    at, scan = site.clock.now(), desk.almanac.upcoming(site.clock.now(), 1)[0]
    far = (scan.at - at).total_seconds() - 1
    desk.look = replace(model, kept_s=-1.0, clear_before_moment_s=far)
    allowed = (await desk.scene()).snapshot

    desk.look = replace(desk.look, clear_before_moment_s=far + 2)
    kept = (await desk.scene()).snapshot
    desk.look = model

    assert allowed is not None
    assert kept is allowed


async def test_no_answer_holds_an_account_number() -> None:
    answer = as_json({"sentence": "account DU1234567 is connected"})

    assert json.loads(bytes(answer.body)) == {"sentence": "account DU***67 is connected"}
