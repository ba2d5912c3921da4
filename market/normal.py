"""Functions of the normal distribution, loaded when one is first used.

They take a tenth of a second to load, most of it for parts of their package that nothing here
uses; a daemon answers before it prices anything.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scipy.special import erfcx, ndtr, ndtri

__all__ = ["erfcx", "load", "ndtr", "ndtri"]


def __getattr__(name: str) -> Any:
    if name not in {"erfcx", "ndtr", "ndtri"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    load()
    return globals()[name]


def load() -> None:
    """Load them now, and not when something waits for them."""
    from scipy import special  # noqa: PLC0415 - what this module is for

    globals().update(erfcx=special.erfcx, ndtr=special.ndtr, ndtri=special.ndtri)
