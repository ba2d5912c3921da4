"""Scripted faults: what goes wrong, when, and how a TOML file says so.

A fault has a kind and one trigger: `at` (a New York time, once or daily), `on` (a client's
request, or a fill) or `tell` (a message of the gateway). It acts at the `nth` occasion and the
ones after it, `times` in all. `docs/gateway.md` describes every kind with its keys.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any

from brokers.gateway.answers import Tell
from brokers.gateway.orders import Status
from brokers.gateway.requests import Ask
from market.errors import ConfigError
from market.sessions import exchange_zone


class Kind(StrEnum):
    """What goes wrong."""

    DROP = "drop"
    RESTART = "restart"
    CUT = "cut"
    RESET = "reset"
    MUTE = "mute"
    NOTICE = "notice"
    PACING = "pacing"
    ID_IN_USE = "id_in_use"
    STALE_ID = "stale_id"
    IGNORE = "ignore"
    REJECT = "reject"
    PARTIAL = "partial"
    TWIN = "twin"
    FILL_AFTER_CANCEL = "fill_after_cancel"
    TWO_STEP_WHAT_IF = "two_step_what_if"
    SWALLOW = "swallow"
    REPEAT = "repeat"
    DELAY = "delay"
    REVISE = "revise"
    LEGS_FIRST = "legs_first"
    STALE_STATUS = "stale_status"
    SILENT_DATA = "silent_data"
    NAN_GREEKS = "nan_greeks"
    NO_QUOTES = "no_quotes"
    COMPETING = "competing"


MODIFY, WHAT_IF, FILL, ANY = "modify_order", "what_if", "fill", "any"
NEW_ORDER, CANCEL_ORDER = Ask.PLACE_ORDER.name.lower(), Ask.CANCEL_ORDER.name.lower()
START_API, IDS = Ask.START_API.name.lower(), Ask.IDS.name.lower()
EXECUTION = Tell.EXECUTION.name.lower()
REQUESTS = frozenset({ask.name.lower() for ask in Ask} | {MODIFY, WHAT_IF, ANY})
TELLS = frozenset(tell.name.lower() for tell in Tell)
COMMON = frozenset({"kind", "at", "every", "on", "tell", "nth", "times", "client_id", "status"})
DEFAULT_TEXTS = {
    10349: "Order TIF was set to DAY based on order preset.",
    1100: "Connectivity between IBKR and Trader Workstation has been lost.",
    1101: "Connectivity between IBKR and TWS has been restored- data lost.",
    1102: "Connectivity between IBKR and TWS has been restored- data maintained.",
    2103: "Market data farm connection is broken:usopt",
    2104: "Market data farm connection is OK:usopt",
    2105: "HMDS data farm connection is broken:ushmds",
    2157: "Sec-def data farm connection is broken:secdefil",
    2109: "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored.",
    399: "Order Message:\nWarning: your order will not be placed until the next session.",
    201: "Order rejected - reason:scripted",
    10148: "OrderId that needs to be cancelled cannot be cancelled, state: Filled.",
    10147: "OrderId that needs to be cancelled is not found.",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a script; `at` is an instant, or a time of day in New York for every day."""

    kind: Kind
    at: datetime | time | None = None
    every: timedelta | None = None
    on: str = ""
    tell: str = ""
    nth: int = 1
    times: int = 1
    client_id: int | None = None
    status: str = ""
    code: int = 0
    text: str = ""
    span: timedelta = timedelta(0)
    quantity: int = 1
    is_after: bool = False
    loses_subscriptions: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Which triggers and keys a kind may have; `on` empty means any request."""

    triggers: frozenset[str]
    keys: frozenset[str] = frozenset()
    on: frozenset[str] = frozenset()
    tell: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()

    @property
    def is_timed(self) -> bool:
        """Tell whether the kind may come at a time, and so befalls the gateway as a whole."""
        return "at" in self.triggers


def _rule(triggers: str, keys: str = "", on: str = "", tell: str = "", needs: str = "") -> Rule:
    words = (frozenset(text.split()) for text in (triggers, keys, on, tell, needs))
    return Rule(*words)


RULES: Mapping[Kind, Rule] = {
    Kind.DROP: _rule("at on tell", "when"),
    Kind.RESTART: _rule("at on", "seconds"),
    Kind.CUT: _rule("at on", "seconds loses_subscriptions"),
    Kind.RESET: _rule("at on", "seconds"),
    Kind.MUTE: _rule("at on", "seconds"),
    Kind.NOTICE: _rule("at on", "code text when", needs="code"),
    Kind.PACING: _rule("on"),
    Kind.ID_IN_USE: _rule("on", on=START_API),
    Kind.STALE_ID: _rule("on", on=f"{START_API} {IDS}"),
    Kind.IGNORE: _rule("on"),
    Kind.REJECT: _rule("on", "code text"),
    Kind.PARTIAL: _rule("on", "quantity seconds", on=NEW_ORDER),
    Kind.TWIN: _rule("on", on=MODIFY),
    Kind.FILL_AFTER_CANCEL: _rule("on", on=CANCEL_ORDER),
    Kind.TWO_STEP_WHAT_IF: _rule("on", on=WHAT_IF),
    Kind.SWALLOW: _rule("tell"),
    Kind.REPEAT: _rule("tell"),
    Kind.DELAY: _rule("tell", "seconds", needs="seconds"),
    Kind.REVISE: _rule("tell", tell=EXECUTION),
    Kind.LEGS_FIRST: _rule("on", on=FILL),
    Kind.STALE_STATUS: _rule("on", on=FILL),
    Kind.SILENT_DATA: _rule("at on", "seconds"),
    Kind.NAN_GREEKS: _rule("at on", "seconds"),
    Kind.NO_QUOTES: _rule("at on", "seconds"),
    Kind.COMPETING: _rule("at on", "seconds"),
}
DEFAULT_SECONDS = {Kind.RESTART: 60.0, Kind.CUT: 60.0, Kind.RESET: 900.0, Kind.PARTIAL: 5.0}
MOST_SECONDS = 7 * 86_400.0


def read_faults(text: str, name: str) -> tuple[Fault, ...]:
    """Return the faults of a TOML text; `name` is what sentences call the file.

    Raises:
        ConfigError: it is no TOML, or says something that no fault can mean.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is no TOML: {error}.") from None
    if unknown := sorted(set(tree) - {"fault"}):
        raise ConfigError(f"{name}: {unknown[0]!r} is unknown; every fault is a [[fault]] table.")
    rows = tree.get("fault", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{name}: write each fault as a [[fault]] table.")
    return tuple(_Row(f"{name}, fault {n}", row).read() for n, row in enumerate(rows, start=1))


class _Row:
    """One table on its way to a fault."""

    def __init__(self, where: str, row: Mapping[str, Any]) -> None:
        self._where = where
        self._row = row

    def read(self) -> Fault:
        """Return the fault.

        Raises:
            ConfigError: the table says something that no fault can mean.
        """
        kind = self._kind()
        rule = RULES[kind]
        self._check_keys(kind, rule)
        code = self._whole("code", 201 if kind is Kind.REJECT else 0)
        seconds = self._number("seconds", DEFAULT_SECONDS.get(kind, 0.0))
        return Fault(
            kind=kind,
            at=self._at(),
            every=timedelta(seconds=self._number("every", 0.0)) if "every" in self._row else None,
            on=self._one_of("on", rule.on or (REQUESTS | {FILL} if rule.is_timed else REQUESTS)),
            tell=self._one_of("tell", rule.tell or TELLS),
            nth=self._whole("nth", 1, least=1),
            times=self._whole("times", 1, least=1),
            client_id=self._whole("client_id", 0) if "client_id" in self._row else None,
            status=self._one_of("status", frozenset(Status)),
            code=code,
            text=self._text("text", DEFAULT_TEXTS.get(code, "scripted")),
            span=timedelta(seconds=seconds),
            quantity=self._whole("quantity", 1, least=1),
            is_after=self._one_of("when", frozenset({"before", "after"})) == "after",
            loses_subscriptions=self._flag("loses_subscriptions"),
        )

    def _wrong(self, key: str, remedy: str) -> ConfigError:
        return ConfigError(f"{self._where}: {key} = {self._row.get(key)!r} {remedy}.")

    def _kind(self) -> Kind:
        told = self._row.get("kind")
        if not isinstance(told, str) or told not in Kind.__members__.values():
            raise self._wrong("kind", f"is none of {', '.join(Kind)}")
        return Kind(told)

    def _check_keys(self, kind: Kind, rule: Rule) -> None:
        given = set(self._row)
        if unknown := sorted(given - COMMON - rule.keys):
            known = ", ".join(sorted(rule.keys)) or "none of its own"
            raise ConfigError(
                f"{self._where}: a {kind} has no key {unknown[0]!r}; its keys are: {known}."
            )
        triggers = given & {"at", "on", "tell"}
        if len(triggers) != 1 or not triggers <= rule.triggers:
            allowed = " or ".join(f"`{name}`" for name in sorted(rule.triggers))
            raise ConfigError(f"{self._where}: a {kind} needs one trigger: {allowed}.")
        if missing := sorted(rule.needs - given):
            raise ConfigError(f"{self._where}: a {kind} needs the key {missing[0]!r}.")
        if "every" in given and not isinstance(self._row.get("at"), datetime):
            raise self._wrong("every", "goes with `at` and a date; leave it out")
        if "status" in given and self._row.get("tell") != "order_status":
            raise self._wrong("status", 'goes with tell = "order_status"; leave it out')

    def _at(self) -> datetime | time | None:
        told = self._row.get("at")
        if told is None:
            return None
        if isinstance(told, datetime):
            return told if told.tzinfo is not None else told.replace(tzinfo=exchange_zone())
        if isinstance(told, time):
            return told
        raise self._wrong(
            "at", "is no time; write 2018-02-05T16:12:00, or 23:45:00 for daily, without quotes"
        )

    def _one_of(self, key: str, known: frozenset[str]) -> str:
        if key not in self._row:
            return ""
        told = self._row[key]
        if not isinstance(told, str) or told not in known:
            raise self._wrong(key, f"is none of {', '.join(sorted(known))}")
        return told

    def _whole(self, key: str, default: int, *, least: int = 0) -> int:
        told = self._row.get(key, default)
        if isinstance(told, bool) or not isinstance(told, int) or told < least:
            raise self._wrong(key, f"is no whole number from {least}")
        return told

    def _number(self, key: str, default: float) -> float:
        told = self._row.get(key, default)
        is_number = isinstance(told, int | float) and not isinstance(told, bool)
        if not is_number or (key in self._row and not 0 < told <= MOST_SECONDS):
            raise self._wrong(key, "is no number of seconds, above 0 and up to a week")
        return float(told)

    def _text(self, key: str, default: str) -> str:
        told = self._row.get(key, default)
        if not isinstance(told, str) or "\0" in told:
            raise self._wrong(key, "is no text")
        return told

    def _flag(self, key: str) -> bool:
        told = self._row.get(key, False)
        if not isinstance(told, bool):
            raise self._wrong(key, "is neither true nor false")
        return told
