"""Every dollar moves through the ledger: buying, selling, closing in parts, reversing, settling."""

from datetime import date
from decimal import Decimal

from bot_samples import FRIDAY, LONG_PUT, MONDAY, SHORT_PUT, VIX_CALL

from bot.ledger import Holding, Ledger, Purse

KEY = ("alvh", "ladder", "near", VIX_CALL)


def ledger() -> Ledger:
    return Ledger(Decimal(10_000))


def near_calls(position: int, paid: str, opened: date = FRIDAY) -> Holding:
    return Holding("alvh", "ladder", "near", VIX_CALL, opened, position, Decimal(paid))


def test_buying_takes_cash_and_holds_what_was_paid() -> None:
    book = ledger()

    book.trade(KEY, 4, Decimal("1.50"), FRIDAY)

    assert book.holdings == {KEY: near_calls(4, "600")}
    assert book.cash_usd == Decimal(9_400)


def test_selling_brings_cash_and_holds_what_was_received_as_negative() -> None:
    book = ledger()

    book.trade(("condor", "c", None, SHORT_PUT), -2, Decimal("2.00"), FRIDAY)

    assert book.positions() == {SHORT_PUT: -2}
    assert book.holdings["condor", "c", None, SHORT_PUT].paid_usd == Decimal(-400)
    assert book.cash_usd == Decimal(10_400)


def test_buying_more_averages_what_was_paid_and_keeps_the_first_session() -> None:
    book = ledger()

    book.trade(KEY, 2, Decimal("1.00"), FRIDAY)
    book.trade(KEY, 2, Decimal("2.00"), MONDAY)

    assert book.holdings == {KEY: near_calls(4, "600")}


def test_a_partial_close_leaves_the_rest_at_its_average_price() -> None:
    book = ledger()
    book.trade(KEY, 4, Decimal("1.50"), FRIDAY)

    book.trade(KEY, -1, Decimal("9.00"), MONDAY)

    assert book.holdings == {KEY: near_calls(3, "450")}
    assert book.cash_usd == Decimal(10_000 - 600 + 900)


def test_a_full_close_leaves_no_holding_and_the_profit_in_cash() -> None:
    book = ledger()
    book.trade(KEY, 4, Decimal("1.50"), FRIDAY)

    book.trade(KEY, -4, Decimal("2.25"), MONDAY)

    assert book.holdings == {}
    assert book.cash_usd == Decimal(10_300)


def test_selling_beyond_a_close_opens_the_reverse_at_the_price_of_that_trade() -> None:
    book = ledger()
    book.trade(KEY, 2, Decimal("1.50"), FRIDAY)

    book.trade(KEY, -3, Decimal("2.00"), MONDAY)

    assert book.holdings == {KEY: near_calls(-1, "-200", opened=MONDAY)}
    assert book.cash_usd == Decimal(10_000 - 300 + 600)


def test_fees_are_charged_to_the_strategy_that_traded() -> None:
    book = ledger()

    book.charge("alvh", Decimal("2.60"))
    book.charge("condor", Decimal("5.20"))
    book.charge("alvh", Decimal("0.40"))

    assert book.purses == {
        "alvh": Purse(Decimal("-3.00"), Decimal("3.00")),
        "condor": Purse(Decimal("-5.20"), Decimal("5.20")),
    }
    assert book.fees_usd == Decimal("8.20")
    assert book.cash_usd == Decimal("9991.80")


def test_settlement_pays_each_campaign_its_own_and_ends_the_holdings() -> None:
    book = ledger()
    book.trade(("condor", "first", None, SHORT_PUT), -2, Decimal("2.00"), FRIDAY)
    book.trade(("condor", "second", None, SHORT_PUT), -1, Decimal("3.00"), FRIDAY)
    book.trade(("condor", "second", None, LONG_PUT), 1, Decimal("1.00"), FRIDAY)

    ended = book.settle(SHORT_PUT, Decimal("7.50"))

    assert [(holding.campaign, holding.position) for holding in ended] == [
        ("first", -2),
        ("second", -1),
    ]
    assert book.positions() == {LONG_PUT: 1}
    assert book.cash_usd == Decimal(10_000 + 400 + 300 - 100 - 3 * 750)


def test_a_settlement_belongs_to_the_strategy_that_held() -> None:
    book = ledger()
    book.trade(KEY, 4, Decimal("1.50"), FRIDAY)

    book.settle(VIX_CALL, Decimal("4.15"))

    assert book.purses == {"alvh": Purse(Decimal(1_060), Decimal(0))}


def test_positions_of_two_campaigns_that_offset_each_other_are_no_position() -> None:
    book = ledger()

    book.trade(("condor", "first", None, SHORT_PUT), -1, Decimal("2.00"), FRIDAY)
    book.trade(("condor", "second", None, SHORT_PUT), 1, Decimal("2.00"), FRIDAY)

    assert book.positions() == {}
    assert len(book.holdings) == 2


def test_positions_follow_every_change_of_a_holding() -> None:
    book = ledger()
    seen = [dict(book.positions())]

    book.trade(KEY, 4, Decimal("1.50"), FRIDAY)
    seen.append(dict(book.positions()))
    book.adopt(VIX_CALL, 3, MONDAY)
    seen.append(dict(book.positions()))
    book.end(book.holdings[KEY], Decimal("4.15"))
    seen.append(dict(book.positions()))

    assert seen == [{}, {VIX_CALL: 4}, {VIX_CALL: 3}, {}]
