"""The price walk, the table of connection states, back-off and quiet hours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from ib_samples import AT, call_order, condor_order

from brokers.ib.session import (
    LINE_OF,
    BackOff,
    Farms,
    Phase,
    Signal,
    next_phase,
    outage_sentence,
    quiet_reason,
)
from brokers.ib.walk import limit_after, next_step_at
from brokers.sim.admission import limit_after as limit_of_the_simulated_venue
from market.errors import InvariantBroken
from market.orders import LineState

EVERY = timedelta(seconds=30)


def test_the_limit_gives_way_by_legal_ticks_and_stops_at_its_floor() -> None:
    intent = condor_order().intent

    limits = [limit_after(intent, steps) for steps in range(6)]

    assert limits == [Decimal(text) for text in ("1.40", "1.35", "1.30", "1.25", "1.25", "1.25")]


def test_the_walk_is_that_of_the_simulated_venue() -> None:
    for order in (condor_order(), call_order(), call_order(-1, "0.05")):
        for steps in range(order.intent.walk.times + 1):
            expected = limit_of_the_simulated_venue(order.intent, steps)

            assert limit_after(order.intent, steps) == expected


def test_a_step_on_time_keeps_the_rhythm_and_a_late_one_is_not_made_up_for() -> None:
    intent = condor_order().intent

    assert next_step_at(intent, 1, AT, AT + timedelta(seconds=1)) == AT + EVERY
    assert next_step_at(intent, 1, AT, AT + timedelta(seconds=95)) == AT + timedelta(seconds=125)
    assert next_step_at(intent, 3, AT, AT) is None


def walked(*signals: Signal) -> Phase:
    phase = Phase.DISCONNECTED
    for signal in signals:
        phase = next_phase(phase, signal)
    return phase


UP = (Signal.OPENED, Signal.ACCEPTED, Signal.SYNCED)


@pytest.mark.parametrize(
    ("signals", "phase"),
    [
        (UP, Phase.READY),
        ((*UP, Signal.STALE), Phase.DEGRADED),
        ((*UP, Signal.STALE, Signal.STALE, Signal.FRESH), Phase.READY),
        ((*UP, Signal.CUT, Signal.CUT), Phase.CUT),
        ((*UP, Signal.CUT, Signal.RESTORED), Phase.SYNCING),
        ((*UP, Signal.RESTORED), Phase.SYNCING),
        ((*UP, Signal.CUT, Signal.FRESH), Phase.CUT),
        ((*UP, Signal.SILENT), Phase.DISCONNECTED),
        ((Signal.OPENED, Signal.CLOSED), Phase.DISCONNECTED),
        ((*UP[:2], Signal.SYNC_FAILED), Phase.DISCONNECTED),
    ],
)
def test_each_way_through_the_states(signals: tuple[Signal, ...], phase: Phase) -> None:
    assert walked(*signals) is phase


def test_nothing_leads_to_ready_but_a_complete_resync_or_fresh_quotes() -> None:
    ways = {
        (phase, signal)
        for phase in Phase
        for signal in Signal
        if phase is not Phase.READY and _leads_to_ready(phase, signal)
    }

    assert ways == {(Phase.SYNCING, Signal.SYNCED), (Phase.DEGRADED, Signal.FRESH)}


def _leads_to_ready(phase: Phase, signal: Signal) -> bool:
    try:
        return next_phase(phase, signal) is Phase.READY
    except InvariantBroken:
        return False


def test_orders_may_go_out_in_ready_alone() -> None:
    ready = [phase for phase in Phase if LINE_OF[phase] is LineState.READY]

    assert ready == [Phase.READY]


def test_waits_double_up_to_a_minute_and_begin_anew_after_a_success() -> None:
    back_off = BackOff()

    waits = [back_off.after_failure().total_seconds() for _ in range(8)]
    back_off.reset()

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert back_off.after_failure().total_seconds() == 1


def test_a_client_id_in_use_is_waited_for_five_to_thirty_seconds() -> None:
    back_off = BackOff()

    waits = [back_off.after_failure(is_id_taken=True).total_seconds() for _ in range(4)]

    assert waits == [5, 10, 20, 30]


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (datetime(2026, 11, 24, 5, 30, tzinfo=UTC), "the nightly reset of the servers"),
        (datetime(2026, 7, 24, 5, 30, tzinfo=UTC), "the nightly reset of the servers"),
        (datetime(2026, 11, 29, 6, 30, tzinfo=UTC), "the nightly reset of the servers"),
        (datetime(2026, 11, 29, 15, 0, tzinfo=UTC), "the weekly log-in"),
        (datetime(2026, 11, 28, 7, 30, tzinfo=UTC), "the weekend maintenance"),
        (datetime(2026, 11, 24, 15, 0, tzinfo=UTC), None),
    ],
)
def test_the_broker_may_be_gone_at_night_and_at_the_weekend(
    at: datetime, reason: str | None
) -> None:
    assert quiet_reason(at) == reason


def test_an_outage_outside_those_hours_asks_for_a_person() -> None:
    since = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)

    sentence = outage_sentence(since, since + timedelta(minutes=7), "no answer")

    assert sentence == (
        "The line to the broker is down for 7 min (no answer); look at the Gateway's window: it"
        " may ask for a log-in."
    )


def test_quotes_are_fresh_again_when_the_last_broken_farm_is_back() -> None:
    farms = Farms()
    farms.broke(2104, "Market data farm connection is broken:usopt")
    farms.broke(2106, "HMDS data farm connection is broken:ushmds")

    farms.recovered(2104, "Market data farm connection is OK:usopt")
    assert farms.is_broken

    farms.recovered(2106, "HMDS data farm connection is OK:ushmds")
    assert not farms.is_broken
