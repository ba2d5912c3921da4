"""Contracts as keys: equal ones hash alike, wherever they come from."""

import pickle
from dataclasses import replace
from datetime import date
from decimal import Decimal

import msgspec

from market.instruments import OptionContract, Right, TradingClass

PUT = OptionContract(TradingClass.SPXW, date(2018, 2, 5), Decimal(2640), Right.PUT)


def test_equal_contracts_are_one_key_however_they_were_made() -> None:
    table = {PUT: "held"}

    made = (
        OptionContract.parse("SPXW 2018-02-05 2640 P"),
        replace(PUT, strike=Decimal("2640.00")),
        pickle.loads(pickle.dumps(PUT)),
        msgspec.json.decode(msgspec.json.encode(PUT), type=OptionContract),
    )

    assert [table.get(each) for each in made] == ["held"] * 4
    assert replace(PUT, right=Right.CALL) not in table


def test_the_hash_is_no_part_of_what_is_written() -> None:
    hash(PUT)

    assert msgspec.json.decode(msgspec.json.encode(PUT)) == {
        "trading_class": "SPXW",
        "expiry": "2018-02-05",
        "strike": "2640",
        "right": "P",
    }
