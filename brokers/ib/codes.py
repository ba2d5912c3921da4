"""What each message code of TWS means for an adapter, and how this one reacts to it.

The meanings follow the published list of message codes; the reactions are ours. A code that is
not listed is never taken as the end of an order: the order is read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from brokers.ib.messages import ErrorSeen


class Reaction(StrEnum):
    """What a code makes the adapter do."""

    NOTICE = "notice"  # nothing is wrong; an order it names is live
    SLOW_DOWN = "slow down"
    DROP_LINES = "drop market-data lines"
    REREAD = "re-read the order"  # the order may be live: only open orders and executions tell
    REQUEST_FAILED = "fail the request"
    CONFIG_ERROR = "our request is wrong"
    NO_DATA = "no data on that feed"
    DELAYED = "data are delayed"
    RETRY_LATER = "connect again later"
    CUT = "line to the broker lost"
    RESTORED_LOST = "line restored, subscriptions lost"
    RESTORED_KEPT = "line restored, subscriptions kept"
    FARM_BROKEN = "quotes are stale"
    FARM_OK = "quotes are back"


@dataclass(frozen=True, slots=True)
class CodeRule:
    """One code: what it means, and the reaction."""

    meaning: str
    reaction: Reaction


_R = Reaction
CODE_RULES: dict[int, CodeRule] = {
    100: CodeRule("more than 50 messages a second", _R.SLOW_DOWN),
    101: CodeRule("market-data lines exhausted", _R.DROP_LINES),
    103: CodeRule("duplicate order id", _R.REREAD),
    104: CodeRule("cannot modify a filled order", _R.REREAD),
    105: CodeRule("the modification does not match the order", _R.REREAD),
    110: CodeRule("price off the tick grid", _R.REREAD),
    162: CodeRule("historical data error", _R.REQUEST_FAILED),
    200: CodeRule("no such contract, or several", _R.REQUEST_FAILED),
    201: CodeRule("order rejected", _R.REREAD),
    202: CodeRule("order cancelled", _R.REREAD),
    321: CodeRule("invalid request", _R.CONFIG_ERROR),
    322: CodeRule("too many requests of a kind", _R.REQUEST_FAILED),
    326: CodeRule("client id in use", _R.RETRY_LATER),
    354: CodeRule("not subscribed to market data", _R.NO_DATA),
    366: CodeRule("unknown historical query", _R.REQUEST_FAILED),
    387: CodeRule("order type not allowed", _R.REREAD),
    399: CodeRule("notice about a live order", _R.NOTICE),
    404: CodeRule("shares are being located", _R.NOTICE),
    434: CodeRule("order size is zero", _R.REREAD),
    435: CodeRule("an account must be named", _R.REREAD),
    502: CodeRule("cannot connect", _R.RETRY_LATER),
    503: CodeRule("version too old", _R.CONFIG_ERROR),
    504: CodeRule("not connected", _R.RETRY_LATER),
    506: CodeRule("unsupported version", _R.CONFIG_ERROR),
    1100: CodeRule("the Gateway lost its line to the broker", _R.CUT),
    1101: CodeRule("line restored, subscriptions lost", _R.RESTORED_LOST),
    1102: CodeRule("line restored, subscriptions kept", _R.RESTORED_KEPT),
    1300: CodeRule("the socket port changed", _R.RETRY_LATER),
    2102: CodeRule("modification while the order is processed", _R.REREAD),
    2103: CodeRule("market-data farm broken", _R.FARM_BROKEN),
    2104: CodeRule("market-data farm ok", _R.FARM_OK),
    2105: CodeRule("historical-data farm broken", _R.FARM_BROKEN),
    2106: CodeRule("historical-data farm ok", _R.FARM_OK),
    2107: CodeRule("historical-data farm idle", _R.NOTICE),
    2108: CodeRule("market-data farm idle", _R.NOTICE),
    2109: CodeRule("outside regular hours is ignored", _R.NOTICE),
    2110: CodeRule("the Gateway has no line to the broker", _R.CUT),
    2119: CodeRule("market-data farm is connecting", _R.NOTICE),
    2157: CodeRule("contract-data farm broken", _R.FARM_BROKEN),
    2158: CodeRule("contract-data farm ok", _R.FARM_OK),
    10043: CodeRule("non-guaranteed routing not allowed", _R.REREAD),
    10058: CodeRule("prices of single legs not allowed", _R.REREAD),
    10089: CodeRule("not subscribed to market data", _R.NO_DATA),
    10090: CodeRule("not subscribed to part of the market data", _R.NO_DATA),
    10091: CodeRule("not subscribed to part of the market data", _R.NO_DATA),
    10147: CodeRule("order to cancel not found", _R.REREAD),
    10148: CodeRule("order cannot be cancelled in its state", _R.REREAD),
    10167: CodeRule("delayed data are shown", _R.DELAYED),
    10168: CodeRule("not subscribed, and delayed data are off", _R.NO_DATA),
    10190: CodeRule("tick-by-tick lines exhausted", _R.DROP_LINES),
    10197: CodeRule("a competing live session has the data", _R.NO_DATA),
    10268: CodeRule("the attribute EtradeOnly is not supported", _R.REREAD),
    10269: CodeRule("the attribute FirmQuoteOnly is not supported", _R.REREAD),
    10349: CodeRule("time in force was set to DAY", _R.NOTICE),
}
# What a code says about an order that it names, where it says that the order was turned down.
REJECTING = frozenset({100, 103, 110, 201, 387, 434, 435, 10043, 10058, 10268, 10269})
_WARNINGS = range(2100, 2200)
FARMS = {2103: 2104, 2105: 2106, 2157: 2158}


def rule_of(code: int) -> CodeRule:
    """Return the rule of a code; an unknown warning is a notice, another unknown one re-reads."""
    known = CODE_RULES.get(code)
    if known is not None:
        return known
    if code in _WARNINGS:
        return CodeRule(f"warning {code}", Reaction.NOTICE)
    return CodeRule(f"unknown code {code}", Reaction.REREAD)


_MARGIN_WORDS = ("margin", "equity with loan", "insufficient")
_CODE_NAMES: Mapping[int, str] = {110: "BAD_TICK", 200: "UNKNOWN_CONTRACT"}


def rejection(seen: ErrorSeen) -> tuple[str, str]:
    """Return the code for counters and the sentence for people of a refusing message."""
    text = seen.text.lower()
    if "riskless" in text:
        return "RISKLESS", seen.text
    if any(word in text for word in _MARGIN_WORDS):
        return "NO_MARGIN", seen.text
    if "uncovered" in text:
        return "UNCOVERED", seen.text
    return _CODE_NAMES.get(seen.code, f"TWS_{seen.code}"), seen.text
