"""The pages as plain values: they say what the journal says, and nothing they do not know."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from web_samples import NOON, rig_at_noon

from bot.bootstrap import Rig
from bot.journal.reader import JournalReader
from bot.settings import Settings
from bot.web.facts import Facts
from bot.web.scene import Almanac, Hours, Scene, Seen, hours_at, wanted
from bot.web.views.calendar import calendar_page
from bot.web.views.condor import condor_page
from bot.web.views.decisions import Query, decisions_page, words_of
from bot.web.views.health import Pulse, health_page, healthz
from bot.web.views.hedge import hedge_page
from bot.web.views.orders import order_detail, orders_page
from bot.web.views.overview import overview
from bot.world import World
from market.orders import FillCharged, OrderFilled, PositionSettled


@dataclass(frozen=True)
class Noon:
    """The facts of the sample run and the scene on Monday noon, live and without a market."""

    rig: Rig
    reader: JournalReader
    facts: Facts
    live: Scene
    blind: Scene


@pytest.fixture(scope="module")
def noon(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Noon]:
    """Return the sample run; it is only read."""
    path = tmp_path_factory.mktemp("noon") / "journal.db"
    rig, _clock = asyncio.run(rig_at_noon(world, path))
    facts = Facts()
    with JournalReader(path) as reader, closing(rig.journal):
        facts.take(reader.rows())
        almanac = Almanac(rig.settings, world.calendar, world.macro, world.listings)
        snapshot = world.market.snapshot(NOON, wanted(facts.book))
        yield Noon(
            rig,
            reader,
            facts,
            Scene(NOON, almanac, Seen(snapshot, "modelled")),
            Scene(NOON, almanac, None),
        )


def test_the_book_of_the_pages_is_the_book_of_the_bot(noon: Noon) -> None:
    assert noon.facts.book is not None

    assert noon.facts.book.positions() == noon.rig.book.positions()
    assert noon.facts.book.ledger.cash_usd == noon.rig.book.ledger.cash_usd
    assert noon.facts.fault is None


def test_the_overview_shows_the_equity_that_the_journal_has(noon: Noon) -> None:
    recorded = noon.reader.table("equity")

    shown = overview(noon.facts, noon.live)

    last = recorded[-1]
    equity, curve = shown["equity"], shown["curve"]
    assert isinstance(equity, dict)
    assert isinstance(curve, dict)
    assert (equity["session"], equity["nlv_usd"], equity["unhedged_nlv_usd"]) == (
        last["session"],
        float(str(last["nlv_usd"])),
        float(str(last["unhedged_nlv_usd"])),
    )
    assert curve["nlv_usd"] == [float(str(row["nlv_usd"])) for row in recorded]


def test_live_equity_adds_up_from_cash_and_marks(noon: Noon) -> None:
    shown = overview(noon.facts, noon.live)["live"]

    assert isinstance(shown, dict)
    total = shown["unhedged_nlv_usd"] + shown["hedge_pnl_usd"]
    assert shown["nlv_usd"] == pytest.approx(total, abs=0.011)


def test_without_a_market_what_needs_one_is_unknown_and_the_rest_stands(noon: Noon) -> None:
    shown, condor = overview(noon.facts, noon.blind), condor_page(noon.facts, noon.blind)

    assert shown["live"] is None
    assert shown["market"] == {
        "at": "2018-02-02T21:20:00.000Z",
        "spx": 2762.13,
        "vix": 17.31,
        "vix9d": pytest.approx(17.5, abs=3),
        "vix3m": pytest.approx(17.0, abs=3),
        "is_live": False,
        "quotes": "recorded",
        "age_s": 3 * 86_400 - 4 * 3600 - 20 * 60,
    }
    assert isinstance(condor["condors"], list)
    held = noon.rig.book.positions().condors
    assert held
    assert [row["open_pnl_usd"] for row in condor["condors"]] == [None] * len(held)
    losses = [float(each.max_loss_usd) for each in held]
    assert [row["max_loss_usd"] for row in condor["condors"]] == losses


def test_the_tent_has_its_corners_at_the_strikes_and_its_floor_at_the_maximal_loss(
    noon: Noon,
) -> None:
    page = condor_page(noon.facts, noon.live)

    assert isinstance(page["condors"], list)
    for condor in page["condors"]:
        profit = dict(zip(condor["payoff"]["spx"], condor["payoff"]["expiry_usd"], strict=True))
        strikes = [float(leg["contract"].split()[2]) for leg in condor["legs"]]
        assert [profit[strike] for strike in strikes] == [
            -condor["max_loss_usd"],
            condor["credit_usd"],
            condor["credit_usd"],
            -condor["max_loss_usd"],
        ]
        assert min(profit.values()) == -condor["max_loss_usd"]


def test_without_chains_the_quotes_of_the_legs_stand_in(noon: Noon, world: World) -> None:
    spx = world.market.levels(NOON).spx
    request = wanted(noon.facts.book, with_chains=False, spx=spx)
    scene = Scene(NOON, noon.live.almanac, Seen(world.market.snapshot(NOON, request), "modelled"))

    full, bare = (condor_page(noon.facts, each)["condors"] for each in (noon.live, scene))

    assert isinstance(full, list)
    assert isinstance(bare, list)
    assert request.chains == ()
    assert bare[0]["open_pnl_usd"] == full[0]["open_pnl_usd"]
    assert bare[0]["distances"][0]["points"] == full[0]["distances"][0]["points"]
    assert bare[0]["sigma_points"] == pytest.approx(full[0]["sigma_points"], rel=0.15)
    for name, value in full[0]["greeks"].items():
        assert bare[0]["greeks"][name] == pytest.approx(value, rel=0.05, abs=2.0)


def test_distances_are_in_points_and_in_sigmas_of_the_same_sign(noon: Noon) -> None:
    page = condor_page(noon.facts, noon.live)

    assert isinstance(page["condors"], list)
    first, held = page["condors"][0], noon.rig.book.positions().condors[0]
    assert held.short_put is not None
    strike = float(held.short_put.strike)
    points = 2686.35 - strike
    assert first["distances"][0] == {
        "right": "put",
        "strike": strike,
        "points": pytest.approx(points, abs=0.01),
        "sigmas": pytest.approx(points / first["sigma_points"], abs=0.001),
    }


def test_the_layers_are_held_against_four_four_two(noon: Noon) -> None:
    page = hedge_page(noon.facts, noon.live)

    assert isinstance(page["layers"], list)
    held = [
        (row["layer"], row["base_contracts"], row["target_contracts"]) for row in page["layers"]
    ]
    assert held == [("near", 4, 4), ("mid", 4, 4), ("long", 2, 2)]
    assert isinstance(page["rolls"], list)
    assert [row["roll_on"] for row in page["rolls"]] == ["2018-02-06", "2018-02-26", "2018-03-15"]


def test_what_the_hedge_cost_is_the_premium_that_its_fills_paid(noon: Noon) -> None:
    recorded = {
        str(row["contract"]): float(str(row["paid_usd"]))
        for row in noon.reader.table("positions")
        if row["strategy"] == "alvh"
    }

    page = hedge_page(noon.facts, noon.live)

    assert isinstance(page["positions"], list)
    shown = {row["contract"]: row["paid_usd"] for row in page["positions"]}
    assert shown == pytest.approx(recorded)


def test_decisions_are_found_by_all_their_words_newest_first(noon: Noon) -> None:
    found = decisions_page(noon.facts, Query(words_of("no condor LISTED"), "condor", "2018-01"))

    assert isinstance(found["decisions"], list)
    sessions = [row["session"] for row in found["decisions"]]
    assert found["total"] == len(sessions) == 8
    assert sessions == sorted(sessions, reverse=True)
    assert {row["reason"] for row in found["decisions"]} == {"NOT_LISTED"}


def test_pages_of_decisions_join_without_a_gap(noon: Noon) -> None:
    whole = decisions_page(noon.facts, Query(limit=500))
    seen: list[object] = []
    before: int | None = None
    while True:
        page = decisions_page(noon.facts, Query(before=before, limit=30))
        assert isinstance(page["decisions"], list)
        seen += page["decisions"]
        if page["before"] is None:
            break
        assert isinstance(page["before"], int)
        before = page["before"]

    assert seen == whole["decisions"]
    assert len(seen) == whole["total"]


def test_the_orders_are_those_of_the_journal(noon: Noon) -> None:
    recorded = {row["order_id"]: row for row in noon.reader.table("orders")}

    page = orders_page(noon.facts, limit=500)

    assert isinstance(page["orders"], list)
    shown = {
        row["order_id"]: {key: row[key] for key in ("status", "filled", "quantity", "legs")}
        for row in page["orders"]
    }
    assert shown == {
        name: {key: row[key] for key in ("status", "filled", "quantity", "legs")}
        for name, row in recorded.items()
    }


def test_fees_of_all_orders_are_the_fees_of_the_book(noon: Noon) -> None:
    page = orders_page(noon.facts, limit=500)

    assert isinstance(page["orders"], list)
    fees = sum(Decimal(str(row["fees_usd"])) for row in page["orders"])
    assert fees == noon.rig.book.ledger.fees_usd


def test_a_charge_told_after_the_fill_is_in_the_order_s_fees_and_diary(noon: Noon) -> None:
    facts = Facts()
    facts.take(noon.reader.rows())
    assert facts.book is not None
    name = "R-20180202-condor-entry-1"
    fill = next(record for record in facts.stories[name].records if isinstance(record, OrderFilled))

    facts.apply(
        facts.seq + 1,
        FillCharged(NOON, name, fill.fill_id, Decimal("9.00"), Decimal("1.25")),
    )

    detail = order_detail(facts, name)
    assert detail is not None
    assert detail["fees_usd"] == 10.25
    assert isinstance(detail["diary"], list)
    assert detail["diary"][-1]["sentence"] == "Charged $10.25 for a fill."


def test_what_is_at_risk_is_that_of_now_and_not_of_the_last_close(noon: Noon) -> None:
    facts = Facts()
    facts.take(noon.reader.rows())
    assert facts.book is not None
    held = overview(facts, noon.blind)["holdings"]
    assert isinstance(held, dict)

    for leg in facts.book.ledger.holdings.copy().values():
        if leg.strategy == "condor":
            facts.apply(
                facts.seq + 1,
                PositionSettled(
                    NOON, leg.contract, leg.position, Decimal(0), Decimal(2700), Decimal(0), True
                ),
            )

    after = overview(facts, noon.blind)["holdings"]
    assert isinstance(after, dict)
    assert (held["open_max_loss_usd"], after["open_max_loss_usd"]) == (4880.0, 0.0)


def test_a_diary_tells_each_look_in_order(noon: Noon) -> None:
    detail = order_detail(noon.facts, "R-20180202-condor-entry-1")

    assert detail is not None
    assert isinstance(detail["diary"], list)
    told = [line["sentence"] for line in detail["diary"]]
    state = noon.rig.book.orders["R-20180202-condor-entry-1"]
    assert told[0] == "Order is working."
    assert told[-2] == f"Filled {state.filled} for {state.average_credit:.2f} credit."
    assert re.fullmatch(r"One minute after fill 1: [+-]\d+\.\d\d points .*us\.", told[-1])
    assert order_detail(noon.facts, "unheard-of") is None


def test_the_calendar_lists_releases_with_their_exchange_date(noon: Noon) -> None:
    page = calendar_page(noon.facts, noon.live)

    assert page["releases"] == [
        {"kind": "CPI", "date": "2018-02-14", "at": "2018-02-14T13:30:00.000Z",
         "is_provisional": False},
        {"kind": "PPI", "date": "2018-02-15", "at": "2018-02-15T13:30:00.000Z",
         "is_provisional": False},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "hours"),
    [
        (datetime(2018, 2, 5, 14, 0, tzinfo=UTC), Hours.BEFORE_OPEN),
        (datetime(2018, 2, 5, 14, 30, tzinfo=UTC), Hours.OPEN),
        (datetime(2018, 2, 5, 21, 10, tzinfo=UTC), Hours.EVENING),
        (datetime(2018, 2, 5, 21, 30, tzinfo=UTC), Hours.CLOSED),
        (datetime(2018, 2, 4, 17, 0, tzinfo=UTC), Hours.CLOSED),
    ],
)
def test_the_hours_hang_on_the_session(noon: Noon, at: datetime, hours: Hours) -> None:
    assert hours_at(noon.live.almanac, at) is hours


@pytest.mark.parametrize(
    ("pulse", "status"),
    [
        (Pulse(1.0, 0.0, None, 0, "up"), "ok"),
        (Pulse(None, 0.0, None, 0, "up"), "ok"),
        (Pulse(11.0, 0.0, None, 0, "up"), "failing"),
        (Pulse(1.0, 0.0, "no space left", 0, "up"), "failing"),
    ],
    ids=["beating", "no daemon", "stuck", "disk full"],
)
def test_health_needs_a_turning_loop_and_a_writing_journal(
    noon: Noon, pulse: Pulse, status: str
) -> None:
    assert healthz(noon.facts, pulse)["status"] == status


def test_every_page_is_json(noon: Noon) -> None:
    pulse = Pulse(1.0, 0.0, None, 0, "up")
    pages = [
        page(noon.facts, scene)
        for page in (overview, condor_page, hedge_page, calendar_page)
        for scene in (noon.live, noon.blind)
    ]

    texts = [json.dumps(page, allow_nan=False) for page in pages]
    texts.append(json.dumps(health_page(noon.facts, noon.live, pulse), allow_nan=False))

    assert all(json.loads(text)["seq"] == noon.facts.seq for text in texts)


def test_an_empty_journal_makes_every_page(world: World) -> None:
    almanac = Almanac(Settings(), world.calendar, world.macro, world.listings)
    scene, facts = Scene(NOON, almanac, None), Facts()

    pages = [page(facts, scene) for page in (overview, condor_page, hedge_page, calendar_page)]

    assert [page["seq"] for page in pages] == [0, 0, 0, 0]
    assert orders_page(facts)["orders"] == []
    assert decisions_page(facts, Query())["decisions"] == []
