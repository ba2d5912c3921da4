"""The paper lock: what may be traded, what is refused, and that nothing overrides it."""

import pytest

from brokers.ib.paper_lock import (
    is_paper_shaped,
    masked,
    require_paper_session,
    require_paper_settings,
)
from market.errors import NotPaper

PAPER = "DU1234567"


@pytest.mark.parametrize("account", ["DU1234567", "DF123456", "DI7654321"])
def test_paper_accounts_begin_with_d_and_a_letter(account: str) -> None:
    assert is_paper_shaped(account)


@pytest.mark.parametrize(
    "account", ["U1234567", "F123456", "I123456", "", "D1234567", "du1234567", "DU12345 7", "DUX"]
)
def test_anything_else_is_no_paper_account(account: str) -> None:
    assert not is_paper_shaped(account)


@pytest.mark.parametrize("port", [7496, 4001])
def test_ports_of_live_accounts_are_refused_before_a_socket_is_opened(port: int) -> None:
    with pytest.raises(NotPaper, match=f"ib.port = {port} is a port of live accounts"):
        require_paper_settings(PAPER, port)


@pytest.mark.parametrize(
    ("account", "sentence"),
    [("", "ib.account is not set"), ("U7654321", "is not the id of a paper account")],
)
def test_the_configured_account_must_be_a_paper_account(account: str, sentence: str) -> None:
    with pytest.raises(NotPaper, match=sentence):
        require_paper_settings(account, 4002)


def test_the_one_configured_paper_account_is_let_through() -> None:
    require_paper_session(PAPER, 4002, [PAPER])


@pytest.mark.parametrize(
    ("managed", "sentence"),
    [
        (["U7654321"], "manages U…21, which is no paper account"),
        ([PAPER, "U7654321"], "manages U…21, which is no paper account"),
        (["DU7654321"], "manages DU…21, but ib.account is DU…67"),
        ([PAPER, "DU7654321"], "manages DU…67, DU…21, but ib.account is DU…67"),
        ([], "manages no account, but ib.account is DU…67"),
    ],
)
def test_every_other_log_in_is_refused(managed: list[str], sentence: str) -> None:
    with pytest.raises(NotPaper, match=sentence):
        require_paper_session(PAPER, 4002, managed)


def test_an_account_is_never_shown_whole() -> None:
    assert (masked("DU1234567"), masked("U7654321"), masked("")) == ("DU…67", "U…21", "…")
