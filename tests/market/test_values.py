"""Values are frozen in tests and plain when run, and otherwise the same."""

import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime

import pytest

from market.quotes import Quote
from market.values import FROZEN

AT = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
PLAIN = """
from datetime import UTC, datetime
from market.quotes import Quote
quote, same = (Quote(datetime(2018, 2, 2, 21, 10, tzinfo=UTC), 1.0, 1.2) for _ in range(2))
assert quote == same and hash(quote) == hash(same) and {quote: 1}[same] == 1
print(list(Quote.__dataclass_fields__), repr(quote), Quote.__dataclass_params__.frozen)
"""


def test_no_test_can_change_a_value() -> None:
    quote = Quote(AT, 1.0, 1.2)

    with pytest.raises(FrozenInstanceError):
        quote.bid = 1.1  # type: ignore[misc]


def test_a_value_that_runs_plain_is_the_same_but_for_the_guard() -> None:
    environment = {name: value for name, value in os.environ.items() if name != FROZEN}

    told = subprocess.run(
        [sys.executable, "-c", PLAIN], env=environment, check=True, capture_output=True, text=True
    )

    names, quote = [each.name for each in fields(Quote)], Quote(AT, 1.0, 1.2)
    assert told.stdout == f"{names} {quote!r} False\n"
