"""A daemon's notifications, from its command line to the receiver of a channel."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from message_receiver import Receiver, receiving
from shell import Shell

WAIT_S = 60.0
RUN = (
    "alvh run --profile sim --no-web --out runs/sim"
    " --set 'notify.channels=phone topics=run,alarm; dead'"
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def test_people_hear_of_start_halt_and_restart_beside_a_dead_channel(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALVH_NOTIFY_PHONE", receiver.address)
    monkeypatch.setenv("ALVH_NOTIFY_DEAD", "json://127.0.0.1:1/hook")
    shell = Shell(tmp_path)
    try:
        shell.start(RUN, [])
        heard = [receiver.next_message(WAIT_S)]
        shell.run("alvh halt --reason outage", [])
        heard.append(receiver.next_message(WAIT_S))
        shell.stop("alvh run")
        shell.start(RUN, [])
        heard.append(receiver.next_message(WAIT_S))
        shell.stop("alvh run")
    finally:
        shell.close()

    assert heard == [
        ("ALVH", "Run started: profile sim, simulated."),
        ("ALVH: ALARM", "Trading is halted until a person resumes it: outage. The hedge is kept."),
        ("ALVH", "Run went on from its journal, version 0.1.0."),
    ]
