"""Records survive the way into text and back, each kind, with the same bytes every time."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from bot_samples import AT, FRIDAY, Replayed, condor_intent, order, sent
from hypothesis import given
from hypothesis import strategies as st

from bot.events import KIND_OF, KINDS, EntryClosed, EntryResult, Record
from bot.journal.codec import decode, encode
from market.errors import JournalDamaged
from market.instruments import OptionContract, Right, TradingClass
from market.orders import Leg, OrderIntent
from strategies.base import FilterResult, Verdict

money = st.decimals(-(10**9), 10**9, places=4)
floats = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**53), 2**53)
texts = st.text(max_size=8)
days = st.dates(date(1990, 1, 1), date(2090, 1, 1))
contracts = st.builds(
    OptionContract,
    st.sampled_from(TradingClass),
    days,
    st.decimals("0.5", 20_000, places=1),
    st.sampled_from(Right),
)
legs = st.builds(Leg, contracts, st.integers(-4, 4).filter(bool))
LEAVES: dict[object, st.SearchStrategy[Any]] = {
    str: texts,
    int: whole,
    float: floats,
    bool: st.booleans(),
    type(None): st.none(),
    Decimal: money,
    date: days,
    datetime: days.map(lambda day: datetime(day.year, day.month, day.day, 21, 10, 1, 5, UTC)),
    timedelta: st.timedeltas(timedelta(0), timedelta(days=2)),
    OptionContract: contracts,
    FilterResult: st.builds(FilterResult, texts, texts, st.sampled_from(Verdict), texts),
}


def intents() -> st.SearchStrategy[OrderIntent]:
    """Return orders that can exist: positive quantity, each leg on a contract of its own."""
    packages = st.lists(legs, min_size=1, max_size=4, unique_by=lambda leg: leg.contract)
    fields = {name: values_of(hint) for name, hint in get_type_hints(OrderIntent).items()}
    fields |= {"legs": packages.map(tuple), "quantity": st.integers(1, 1_000)}
    return st.builds(OrderIntent, **fields)


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a type that records are made of, read off its annotations."""
    if hint in LEAVES:
        return LEAVES[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        fields = {name: values_of(each) for name, each in get_type_hints(hint).items()}
        return st.builds(hint, **fields)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        return st.one_of([values_of(each) for each in inner])
    if origin is tuple:
        return st.lists(values_of(inner[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(values_of(inner[0]), values_of(inner[1]), max_size=2)
    return st.sampled_from(hint)


LEAVES[OrderIntent] = intents()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_every_kind_of_record_survives_text(kind: str, data: st.DataObject) -> None:
    record: Record = data.draw(values_of(KINDS[kind]))

    name, text = encode(record)

    assert name == kind
    assert decode(name, text) == record
    assert encode(decode(name, text)) == (name, text)


def test_every_kind_has_one_name() -> None:
    assert set(KIND_OF.values()) == set(KINDS)
    assert len(KIND_OF) == len(KINDS)


def test_every_record_of_a_replay_survives_text(quarter: Replayed) -> None:
    for record in quarter.records:
        name, text = encode(record)
        assert decode(name, text) == record


def test_an_entry_is_written_as_a_person_can_read_it() -> None:
    record = EntryClosed(AT, FRIDAY, EntryResult.OPENED, "FILLED", 2)

    assert encode(record) == (
        "entry_closed",
        '{"at":"2018-02-02T21:10:00Z","session":"2018-02-02","result":"opened",'
        '"reason":"FILLED","quantity":2}',
    )


def test_money_keeps_its_digits() -> None:
    _, text = encode(sent(order(condor_intent(credit="1.40"))))

    assert '"limit_credit":"1.40"' in text


def test_an_unknown_kind_breaks_an_invariant() -> None:
    with pytest.raises(JournalDamaged, match="unknown kind 'rumour'"):
        decode("rumour", "{}")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{",
        '{"at":"yesterday","session":"2018-02-02","result":"opened","reason":"","quantity":1}',
        '{"at":"2018-02-02T21:10:00Z","session":"2018-02-02","result":"maybe","reason":"",'
        '"quantity":1}',
    ],
)
def test_text_that_does_not_fit_its_kind_breaks_an_invariant(text: str) -> None:
    with pytest.raises(JournalDamaged, match="entry_closed record of the journal cannot be read"):
        decode("entry_closed", text)


def test_a_contract_that_cannot_exist_breaks_an_invariant() -> None:
    name, text = encode(sent(order(condor_intent())))

    with pytest.raises(JournalDamaged, match="order_approved record"):
        decode(name, text.replace('"strike":"2725"', '"strike":"-1"'))
