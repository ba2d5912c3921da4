"""Every target of the fuzzer takes its own seed and plain rubbish."""

from collections.abc import Callable

import pytest
from fuzz import SEEDS, TARGETS

RUBBISH = (b"", b"\x00", b"\xff" * 40, b"[" * 3000, b'{"verb": 1}', b"a = 1e999\n")


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_refuses_rubbish_by_the_errors_that_are_answered_for(name: str) -> None:
    target: Callable[[bytes], object] = TARGETS[name]

    told = [target(content) for content in (*RUBBISH, SEEDS.get(name, b""))]

    assert told == [None] * (len(RUBBISH) + 1)
