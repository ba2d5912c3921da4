"""The paper lock: pure rules that decide whether an account may be traded at all.

Nothing overrides them: they take no flag, and the caller has no way to go on after a refusal.
Paper accounts begin with D and a letter (DU for persons, DF for advisors), live ones with U, F or
I alone; the ports 7496 and 4001 are those on which TWS and Gateway offer live accounts.
"""

import re
from collections.abc import Sequence

from market.errors import NotPaper

LIVE_PORTS = frozenset({7496, 4001})
_PAPER_SHAPE = re.compile(r"D[A-Z]\d{3,}")
_SHOWN_TAIL = 2


def is_paper_shaped(account: str) -> bool:
    """Tell whether an account id has the shape that only paper accounts have."""
    return _PAPER_SHAPE.fullmatch(account) is not None


def masked(account: str) -> str:
    """Return an account id as it may be shown: its letters and its last two digits."""
    letters = account[:2] if is_paper_shaped(account) else account[:1]
    tail = account[-_SHOWN_TAIL:] if len(account) > len(letters) + _SHOWN_TAIL else ""
    return f"{letters}…{tail}"


def require_paper_settings(account: str, port: int) -> None:
    """Refuse settings that could reach a live account, before any socket is opened.

    Raises:
        NotPaper: the port is a live one, or the account is missing or not paper-shaped.
    """
    if port in LIVE_PORTS:
        raise NotPaper(
            f"ib.port = {port} is a port of live accounts; set the port of the paper Gateway"
            " (4002) or of the paper TWS (7497)."
        )
    if not account:
        raise NotPaper(
            "ib.account is not set; write the id of the paper account (it begins with DU) into"
            " the settings file or into ALVH_IB__ACCOUNT."
        )
    if not is_paper_shaped(account):
        raise NotPaper(
            f"ib.account = {masked(account)} is not the id of a paper account (they begin with"
            " DU or DF); this program trades paper accounts only."
        )


def require_paper_session(account: str, port: int, managed: Sequence[str]) -> None:
    """Refuse a connection whose log-in manages anything but the one configured paper account.

    Raises:
        NotPaper: the settings or any managed account break the lock.
    """
    require_paper_settings(account, port)
    live = [each for each in managed if not is_paper_shaped(each)]
    if live:
        raise NotPaper(
            f"the log-in behind ib.port = {port} manages {masked(live[0])}, which is no paper"
            " account; log in to the Gateway with the paper user."
        )
    if list(managed) != [account]:
        shown = ", ".join(map(masked, managed)) or "no account"
        raise NotPaper(
            f"the log-in behind ib.port = {port} manages {shown}, but ib.account is"
            f" {masked(account)}; log in with that user or correct ib.account."
        )
