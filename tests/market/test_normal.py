"""The functions of the normal distribution are scipy's own, whenever they are loaded."""

import pytest
from scipy import special

from market import normal


@pytest.mark.parametrize("name", ["erfcx", "ndtr", "ndtri"])
def test_they_are_scipys(name: str) -> None:
    assert getattr(normal, name) is getattr(special, name)


def test_anything_else_is_missing_by_its_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute"):
        _ = normal.ndtrx
