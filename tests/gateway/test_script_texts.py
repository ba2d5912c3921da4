"""Fault scripts as texts: what they may say, and one sentence for what they may not."""

from datetime import UTC, datetime, time, timedelta

import pytest

from brokers.gateway.faults import RULES, Fault, Kind, read_faults
from brokers.gateway.script import instants
from market.errors import ConfigError
from market.sessions import exchange_zone

NOON = datetime(2018, 2, 5, 17, 0, tzinfo=UTC)


def test_a_fault_at_a_date_is_read_in_new_york_time() -> None:
    text = """
    [[fault]]
    kind = "cut"
    at = 2018-02-05T16:12:00
    seconds = 90
    loses_subscriptions = true
    """

    assert read_faults(text, "script") == (
        Fault(
            Kind.CUT,
            at=datetime(2018, 2, 5, 16, 12, tzinfo=exchange_zone()),
            span=timedelta(seconds=90),
            text="scripted",
            loses_subscriptions=True,
        ),
    )


def test_a_fault_on_a_request_is_read_with_its_count() -> None:
    text = """
    [[fault]]
    kind = "reject"
    on = "place_order"
    nth = 2
    times = 3
    client_id = 7
    """

    assert read_faults(text, "script") == (
        Fault(
            Kind.REJECT,
            on="place_order",
            nth=2,
            times=3,
            client_id=7,
            code=201,
            text="Order rejected - reason:scripted",
        ),
    )


def test_an_empty_script_has_no_faults() -> None:
    assert read_faults("", "script") == ()


WRONG = {
    "kind = 'flood'\nat = 23:45:00": "script, fault 1: kind = 'flood' is none of drop, restart",
    "at = 23:45:00": "script, fault 1: kind = None is none of",
    "kind = 'drop'": "script, fault 1: a drop needs one trigger: `at` or `on` or `tell`.",
    "kind = 'drop'\nat = 23:45:00\non = 'positions'": "a drop needs one trigger",
    "kind = 'swallow'\nat = 23:45:00": "a swallow needs one trigger: `tell`.",
    "kind = 'drop'\nat = '23:45'": "at = '23:45' is no time; write 2018-02-05T16:12:00",
    "kind = 'drop'\non = 'place'": "on = 'place' is none of account_summary",
    "kind = 'twin'\non = 'place_order'": "on = 'place_order' is none of modify_order",
    "kind = 'reject'\non = 'fill'": "on = 'fill' is none of",
    "kind = 'revise'\ntell = 'order_status'": "tell = 'order_status' is none of execution",
    "kind = 'drop'\nat = 23:45:00\nsecs = 5": "a drop has no key 'secs'; its keys are: when.",
    "kind = 'pacing'\non = 'any'\ncode = 5": "has no key 'code'; its keys are: none of its own.",
    "kind = 'cut'\nat = 23:45:00\nseconds = 0": "seconds = 0 is no number of seconds",
    "kind = 'cut'\nat = 23:45:00\nseconds = true": "seconds = True is no number of seconds",
    "kind = 'cut'\nat = 23:45:00\nseconds = inf": "seconds = inf is no number of seconds",
    "kind = 'cut'\nat = 23:45:00\nevery = 5": "every = 5 goes with `at` and a date",
    "kind = 'delay'\ntell = 'execution'": "a delay needs the key 'seconds'.",
    "kind = 'notice'\nat = 23:45:00": "a notice needs the key 'code'.",
    "kind = 'ignore'\non = 'any'\nnth = 0": "nth = 0 is no whole number from 1.",
    "kind = 'ignore'\non = 'any'\ntimes = 1.5": "times = 1.5 is no whole number from 1.",
    "kind = 'repeat'\ntell = 'execution'\nstatus = 'Filled'": "status = 'Filled' goes with tell",
    "kind = 'drop'\nat = 23:45:00\nwhen = 'later'": "when = 'later' is none of after, before.",
    "kind = 'notice'\non = 'any'\ncode = 5\ntext = 5": "text = 5 is no text.",
    "kind = ['drop']\nat = 23:45:00": "kind = ['drop'] is none of",
}


@pytest.mark.parametrize("body", WRONG)
def test_what_no_fault_can_mean_is_told_in_one_sentence(body: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_faults(f"[[fault]]\n{body}", "script")

    assert WRONG[body] in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["fault = 5", "fault = [5]", "[fault]\nkind = 'drop'"])
def test_a_script_is_a_list_of_tables(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write each fault as a \[\[fault\]\] table"):
        read_faults(text, "script")


def test_a_text_that_is_no_toml_and_an_unknown_table_are_told() -> None:
    with pytest.raises(ConfigError, match="script is no TOML"):
        read_faults("[[fault", "script")
    with pytest.raises(ConfigError, match="'storm' is unknown"):
        read_faults("storm = 1", "script")


def test_every_kind_has_a_rule() -> None:
    assert set(RULES) == set(Kind)


def test_a_daily_fault_comes_at_its_time_in_new_york_whatever_the_season() -> None:
    fault = Fault(Kind.RESET, at=time(23, 45), times=2)
    before_summer_time = datetime(2018, 3, 10, 17, 0, tzinfo=UTC)

    assert [at.astimezone(UTC) for at in instants(fault, before_summer_time)] == [
        datetime(2018, 3, 11, 4, 45, tzinfo=UTC),
        datetime(2018, 3, 12, 3, 45, tzinfo=UTC),
    ]


def test_a_daily_fault_whose_time_has_passed_today_begins_tomorrow() -> None:
    fault = Fault(Kind.RESET, at=time(11, 0))

    assert [at.astimezone(UTC) for at in instants(fault, NOON)] == [
        datetime(2018, 2, 6, 16, 0, tzinfo=UTC)
    ]


def test_a_fault_at_a_date_can_repeat() -> None:
    fault = Fault(Kind.NOTICE, at=NOON, every=timedelta(seconds=20), times=3, code=2103)

    assert [at - NOON for at in instants(fault, NOON)] == [
        timedelta(0),
        timedelta(seconds=20),
        timedelta(seconds=40),
    ]
