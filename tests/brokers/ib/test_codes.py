"""The table of message codes covers what the adapter's description lists, and errs on the safe
side."""

import pytest

from brokers.ib.codes import CODE_RULES, FARMS, REJECTING, Reaction, rule_of

# Every code of the published lists that an options adapter meets, written out by hand.
LISTED = {
    *(100, 101, 103, 104, 105, 110, 162, 200, 201, 202, 321, 322, 326, 354, 366, 387, 399, 404),
    *(434, 435, 502, 503, 504, 506, 1100, 1101, 1102, 1300, 2102, 2103, 2104, 2105, 2106, 2107),
    *(2108, 2109, 2110, 2119, 2157, 2158, 10043, 10058, 10089, 10090, 10091, 10147, 10148),
    *(10167, 10168, 10190, 10197, 10268, 10269, 10349),
}


def test_every_listed_code_has_a_rule() -> None:
    assert set(CODE_RULES) == LISTED


@pytest.mark.parametrize("code", [399, 404, 2104, 2106, 2107, 2108, 2109, 2119, 2158, 10349])
def test_notices_never_touch_an_order(code: int) -> None:
    assert rule_of(code).reaction in {Reaction.NOTICE, Reaction.FARM_OK}
    assert code not in REJECTING


@pytest.mark.parametrize("code", [103, 104, 105, 110, 201, 202, 10147, 10148])
def test_no_code_ends_an_order_without_reading_it_again(code: int) -> None:
    assert rule_of(code).reaction is Reaction.REREAD


@pytest.mark.parametrize(
    ("code", "reaction"),
    [(2103, Reaction.FARM_BROKEN), (2105, Reaction.FARM_BROKEN), (2157, Reaction.FARM_BROKEN)],
)
def test_a_broken_farm_makes_quotes_stale_and_another_code_ends_it(
    code: int, reaction: Reaction
) -> None:
    assert rule_of(code).reaction is reaction
    assert rule_of(FARMS[code]).reaction is Reaction.FARM_OK


@pytest.mark.parametrize(
    ("code", "reaction"), [(2199, Reaction.NOTICE), (9999, Reaction.REREAD), (478, Reaction.REREAD)]
)
def test_an_unknown_code_is_read_again_unless_it_is_a_warning(
    code: int, reaction: Reaction
) -> None:
    assert rule_of(code).reaction is reaction
