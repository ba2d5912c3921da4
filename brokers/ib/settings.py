"""What the adapter must be told of the Gateway, the account and its own patience."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class IbSettings:
    """Where the paper Gateway listens, which account it must show, and how long to wait.

    `answer_s` is the time limit of one question in seconds of the machine; the other times run on
    the bot's clock. `accepts_delayed` lets delayed quotes pass, which only a run without orders at
    the broker may do. The server allows 50 messages a second; a burst of the library's own 45 can
    exceed it; 0 is no limit, for a Gateway that is an emulator. VIX calls are looked at down to
    `least_delta`: nobody trades those below.
    """

    host: str
    port: int
    client_id: int
    account: str
    accepts_delayed: bool = False
    chain_width_frac: float = 0.08
    least_delta: float = 0.01
    most_lines: int = 80
    margin_buffer_frac: float = 0.05
    messages_per_second: int = 40
    answer_s: float = 10.0
    quote_s: float = 11.0
    beat_every: timedelta = timedelta(seconds=20)
    stale_after: timedelta = timedelta(seconds=60)
    reread_every: timedelta = timedelta(seconds=10)
