"""The settings of the line to Interactive Brokers, and what the adapter makes of them.

There is no key that loosens the paper lock: host, port, client id and account are all there is.
"""

from datetime import timedelta

from pydantic import Field, field_serializer

from bot.masking import masked
from brokers.ib.settings import IbSettings
from strategies.section import Section

USUAL_LINES = 100
# The line's pulse, the diary of orders at work, and a few for a person's TWS.
LINES_FOR_OTHERS = 20
UNHURRIED_BEAT = timedelta(minutes=30)


class IbKeys(Section):
    """Where the paper Gateway listens, and the one account it must show."""

    host: str = Field("127.0.0.1", min_length=1, description="Host of the paper Gateway or TWS.")
    port: int = Field(
        4002, ge=1, le=65_535, description="Its port: 4002 paper Gateway, 7497 paper TWS."
    )
    client_id: int = Field(
        17, ge=1, le=2**31 - 1, description="Number of this client; its orders belong to it."
    )
    account: str = Field("", description="Id of the paper account, such as DU1234567.")
    delayed: bool = Field(False, description="Accept delayed quotes; the profile shadow alone may.")
    # Left out where it is the default: the settings that older journals hold stay as they were.
    lines: int = Field(
        USUAL_LINES,
        ge=60,
        le=5_000,
        exclude_if=lambda value: value == USUAL_LINES,
        description="Market-data lines of the account: 100, and what was added to them.",
    )
    restart_et: str = Field(
        "23:50",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="New York time at which the Gateway restarts by itself; `doctor` checks it.",
    )
    lockstep: str = Field(
        "", description="HOST:PORT of the gateway emulator's clock; tests only, empty: none."
    )

    @field_serializer("account")
    def _masked(self, value: str) -> str:
        """Keep the account out of journals, pages and printed settings."""
        return masked(value)


def adapter_settings(keys: IbKeys, *, may_be_delayed: bool) -> IbSettings:
    """Return what the adapter needs; before an emulator on its own clock nothing is paced."""
    is_emulator = bool(keys.lockstep)
    return IbSettings(
        keys.host,
        keys.port,
        keys.client_id,
        keys.account,
        accepts_delayed=keys.delayed and may_be_delayed,
        most_lines=keys.lines - LINES_FOR_OTHERS,
        messages_per_second=0 if is_emulator else 40,
        beat_every=UNHURRIED_BEAT if is_emulator else timedelta(seconds=20),
        stale_after=2 * UNHURRIED_BEAT if is_emulator else timedelta(seconds=60),
    )
