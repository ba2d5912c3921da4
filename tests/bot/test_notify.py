"""Notifications: who is told what and when; a dead channel delays nobody."""

import asyncio
import io
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from bot_samples import AT, CONDOR_PRICES, condor_intent, filled, order, sent
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from message_receiver import Receiver, receiving

from bot.cli.notify import command
from bot.events import (
    EntryClosed,
    EntryResult,
    EquityMarked,
    FlattenWanted,
    MarketUnseen,
    Record,
    TradingHalted,
)
from bot.log import RunLog
from bot.notify import DailySummary, Notifier, channels_of, delivery
from bot.notify_policy import FOR_ALARMS, Channel, NotifySettings, Outbox, channel_of
from bot.telling import Level, Told, Topic, tell
from market.errors import ConfigError
from market.orders import LineChanged, LineState

ZONE = ZoneInfo("America/New_York")
NOON = datetime(2018, 2, 2, 17, 0, tzinfo=UTC)
NIGHT = datetime(2018, 2, 3, 5, 0, tzinfo=UTC)
MORNING = datetime(2018, 2, 3, 12, 30, tzinfo=UTC)
DAY = date(2018, 2, 2)
WAIT_S = 10.0
HALTED = TradingHalted(AT, DAY, "DAILY_LOSS", "Trading is halted: a large loss.", None)


def told(sentence: str, level: Level = Level.INFO, topic: Topic = Topic.FILL) -> Told:
    return Told(level, topic, sentence)


def outbox(text: str) -> Outbox:
    return Outbox(channel_of(text), ZONE)


@pytest.mark.parametrize(
    ("text", "topic", "level", "is_wanted"),
    [
        ("phone", Topic.ORDER, Level.INFO, True),
        ("phone", Topic.ORDER, Level.DETAIL, False),
        ("phone level=warning", Topic.ORDER, Level.INFO, False),
        ("phone level=warning", Topic.ALARM, Level.ALARM, True),
        ("phone topics=fill,alarm", Topic.ORDER, Level.INFO, False),
        ("phone topics=fill,alarm", Topic.FILL, Level.INFO, True),
    ],
)
def test_a_channel_hears_its_topics_from_its_level_on(
    text: str, topic: Topic, level: Level, is_wanted: bool
) -> None:
    message = outbox(text).take(told("News.", level, topic), NOON)

    assert (message == "News.") is is_wanted


def test_quiet_hours_hold_back_all_but_alarms_and_tell_it_in_the_morning() -> None:
    box = outbox("phone quiet=22:00-07:00")

    at_night = [box.take(told(f"Fill {n}."), NIGHT) for n in range(7)]
    alarm = box.take(told("Halted.", Level.ALARM, Topic.ALARM), NIGHT)
    still_night, morning = box.due(NIGHT), box.due(MORNING)

    assert at_night == [None] * 7
    assert alarm == "Halted."
    assert still_night is None
    assert morning == (
        "Held back, 7 in all. The last 5:\nFill 2.\nFill 3.\nFill 4.\nFill 5.\nFill 6."
    )
    assert box.due(MORNING) is None


@given(
    steps=st.lists(st.tuples(st.integers(0, 1200), st.sampled_from(list(Level))), max_size=120),
    per_hour=st.integers(FOR_ALARMS + 1, 30),
)
def test_no_hour_brings_more_than_its_limit_and_nothing_is_lost(
    steps: list[tuple[int, Level]], per_hour: int
) -> None:
    box = Outbox(Channel("phone", Level.DETAIL, per_hour=per_hour), ZONE)
    at, sent_at, count = NOON, list[datetime](), 0
    for number, (seconds, level) in enumerate(steps):
        at += timedelta(seconds=seconds)
        for message in (box.take(told(f"News {number}.", level), at), box.due(at)):
            if message is not None:
                sent_at.append(at)
                is_digest = message.startswith("Held back, ")
                count += int(message.split()[2]) if is_digest else 1
    last = box.due(at + timedelta(hours=2))
    count += int(last.split()[2]) if last is not None else 0

    hours = [
        sum(start <= each < start + timedelta(hours=1) for each in sent_at) for start in sent_at
    ]
    assert max(hours, default=0) <= per_hour
    assert count == len(steps)


def test_the_same_sentence_twice_is_said_once() -> None:
    box = outbox("phone")

    messages = [box.take(told("The line is lost."), NOON) for _ in range(3)]

    assert messages == ["The line is lost.", None, None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "begins with no plain name"),
        ("my-phone", "begins with no plain name"),
        ("phone loud=yes", "unknown part 'loud=yes'"),
        ("phone level=shouting", "cannot be read, 'level=shouting'"),
        ("phone quiet=late", "cannot be read, 'quiet=late'"),
        ("phone per_hour=3", "cannot be read, 'per_hour=3'"),
    ],
)
def test_a_channel_that_cannot_be_read_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        channel_of(text)


@pytest.mark.parametrize("address", [None, "", "gibberish", "nowhere://secret"])
def test_an_address_that_is_missing_or_unknown_is_refused_and_not_repeated(
    address: str | None,
) -> None:
    environment = {} if address is None else {"ALVH_NOTIFY_PHONE": address}

    with pytest.raises(ConfigError, match="ALVH_NOTIFY_PHONE") as refused:
        channels_of(NotifySettings(channels="phone"), environment)

    assert "secret" not in str(refused.value)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


async def received(server: Receiver) -> tuple[str, str]:
    return await asyncio.to_thread(server.next_message, WAIT_S)


def marked(session: date, nlv: str) -> EquityMarked:
    none = Decimal(0)
    return EquityMarked(
        AT, session, 2762.13, 17.31, Decimal(nlv), Decimal(nlv), none, none, none, none, none,
        none, (),
    )  # fmt: skip


async def test_fills_alarms_and_the_summary_of_the_day_arrive(receiver: Receiver) -> None:
    environment = {"ALVH_NOTIFY_PHONE": receiver.address}
    settings = NotifySettings(channels="phone topics=fill,alarm,summary")
    ((channel, sender),) = channels_of(settings, environment)
    notifier = Notifier({channel: delivery(sender)}, ZONE, lambda: NOON, RunLog(io.StringIO()))
    entry = order(condor_intent())
    closed = EntryClosed(AT, DAY, EntryResult.OPENED, "FILLED", 2)

    notifier.start()
    for record in (
        sent(entry), filled(entry, CONDOR_PRICES, quantity=2), HALTED,
        marked(date(2018, 2, 1), "100000"), closed, marked(DAY, "99000"),
    ):  # fmt: skip
        notifier.hear(record)
    messages = [await received(receiver) for _ in range(4)]
    await notifier.stop()

    assert messages == [
        ("ALVH", "Filled 2 of T-20180202-condor-entry-1 for 1.40 credit."),
        ("ALVH: ALARM", "Trading is halted: a large loss."),
        (
            "ALVH",
            "2018-02-01: NLV $100,000 with hedge, $100,000 without; SPX 2,762.13, VIX 17.31."
            " Hedge: 0 calls, worth $0.",
        ),
        (
            "ALVH",
            "2018-02-02: NLV $99,000 with hedge, $99,000 without; SPX 2,762.13, VIX 17.31."
            " The day: -1,000 USD. Entry: 2 condors opened (FILLED). Hedge: 0 calls, worth $0.",
        ),
    ]


async def test_a_dead_channel_delays_neither_the_bot_nor_the_others(receiver: Receiver) -> None:
    lines, loop = io.StringIO(), asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        environment = {
            "ALVH_NOTIFY_DEAF": f"json://127.0.0.1:{deaf.getsockname()[1]}",
            "ALVH_NOTIFY_PHONE": receiver.address,
        }
        found = channels_of(NotifySettings(channels="deaf; phone"), environment)
        channels = {channel: delivery(sender) for channel, sender in found}
        notifier = Notifier(channels, ZONE, lambda: NOON, RunLog(lines), delivery_limit_s=0.2)
        notifier.start()

        before = loop.time()
        notifier.hear(HALTED)
        heard_s = loop.time() - before
        message = await received(receiver)
        await notifier.stop()

    assert heard_s < 0.05
    assert message == ("ALVH: ALARM", "Trading is halted: a large loss.")
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(line["event"], line["channel"]) for line in logged] == [
        ("notification_failed", "deaf")
    ]
    assert "127.0.0.1" not in lines.getvalue()


async def test_a_full_queue_loses_messages_aloud_and_never_blocks() -> None:
    lines = io.StringIO()

    async def never(_title: str, _text: str) -> bool:
        await asyncio.Event().wait()
        return True

    notifier = Notifier({Channel("phone"): never}, ZONE, lambda: NOON, RunLog(lines))
    for _ in range(250):
        notifier.hear(HALTED)

    assert lines.getvalue().count("notification_lost") == 50


def test_the_command_tries_a_channel(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALVH_NOTIFY_PHONE", receiver.address)
    channels = "notify.channels=phone level=warning quiet=22:00-07:00"

    answer = CliRunner().invoke(command, ["--set", channels, "--test", "--json"])

    assert receiver.next_message(WAIT_S) == ("ALVH", "A trial message: this channel works.")
    (row,) = json.loads(answer.output)["channels"]
    assert (row["name"], row["quiet"], row["is_delivered"]) == ("phone", "22:00-07:00", True)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            LineChanged(AT, LineState.DOWN, 1100, "the Gateway lost the servers"),
            Told(
                Level.WARNING,
                Topic.ALARM,
                "The line to the broker is down, nothing is sent: the Gateway lost the servers.",
            ),
        ),
        (
            LineChanged(AT, LineState.DOWN, None, "book and broker differ: +1 SPXW. Compare them."),
            Told(
                Level.ALARM,
                Topic.ALARM,
                "Nothing is sent: book and broker differ: +1 SPXW. Compare them.",
            ),
        ),
        (
            LineChanged(AT, LineState.STALE, 2103, "the quotes stand still"),
            Told(
                Level.WARNING, Topic.ALARM, "The broker's quotes are stale: the quotes stand still."
            ),
        ),
        (
            LineChanged(AT, LineState.READY, None, "book and broker agree"),
            Told(
                Level.WARNING, Topic.ALARM, "The line to the broker stands: book and broker agree."
            ),
        ),
        (
            MarketUnseen(AT, DAY, "entry", ("condor",), "no quotes of SPXW"),
            Told(
                Level.WARNING,
                Topic.ALARM,
                "The market could not be seen at entry: no quotes of SPXW.",
            ),
        ),
        (
            FlattenWanted(AT, DAY, "leaving for a month", with_hedge=True),
            Told(
                Level.WARNING,
                Topic.ALARM,
                "A person has every condor bought back and the hedge sold: leaving for a month.",
            ),
        ),
    ],
    ids=["line down", "books differ", "stale", "line up", "unseen", "flatten"],
)
def test_what_may_need_a_person_is_an_alarm_in_plain_words(record: Record, expected: Told) -> None:
    assert tell(record) == expected


@pytest.mark.parametrize(
    ("purpose", "topic"),
    [
        ("entry", Topic.FILL),
        ("open_near", Topic.FILL),
        ("roll_near", Topic.ROLL),
        ("event_roll_mid", Topic.ROLL),
        ("shift_close", Topic.SHIFT),
        ("shift_open", Topic.SHIFT),
    ],
)
def test_a_fill_belongs_to_the_roll_or_shift_that_it_is_part_of(purpose: str, topic: Topic) -> None:
    entry = order(replace(condor_intent(), purpose=purpose))

    assert tell(filled(entry, CONDOR_PRICES)).topic is topic


def test_the_same_alarm_on_another_day_is_news() -> None:
    box = outbox("phone level=alarm")
    alarm = told("Trading is halted: a large loss.", Level.ALARM, Topic.ALARM)

    messages = [box.take(alarm, at) for at in (NOON, NOON + timedelta(minutes=59), MORNING)]

    assert messages == [alarm.sentence, None, alarm.sentence]


async def test_what_is_held_back_when_the_bot_ends_is_logged() -> None:
    lines = io.StringIO()

    async def never(_title: str, _text: str) -> bool:
        raise AssertionError

    channel = channel_of("phone quiet=22:00-07:00")
    notifier = Notifier({channel: never}, ZONE, lambda: NIGHT, RunLog(lines))
    notifier.start()
    entry = order(condor_intent())
    for record in (sent(entry), filled(entry, CONDOR_PRICES, quantity=2)):
        notifier.hear(record)
    await notifier.stop()

    (line,) = map(json.loads, lines.getvalue().splitlines())
    assert (line["event"], line["channel"], line["held_back"]) == ("notification_lost", "phone", 2)


def test_the_summary_after_a_restart_knows_the_last_session() -> None:
    summary = DailySummary(nlv_usd=100_000.0)

    assert "The day: -1,000 USD." in summary.tell(marked(DAY, "99000")).sentence
