"""What sections of parameters check at birth."""

from typing import Any


def require_positive(section: Any, *names: str) -> None:
    """Refuse a section in which a number that must be above 0 is not.

    Raises:
        ValueError: the first such number, by name.
    """
    for name in names:
        if getattr(section, name) <= 0.0:
            raise ValueError(f"{name} must be above 0, got {getattr(section, name)}")


def check_ascending(unit: str, name: str, table: tuple[tuple[int, float], ...]) -> None:
    """Refuse a table that is empty or whose keys, in `unit`, do not ascend.

    Raises:
        ValueError: the table is one of these.
    """
    if not table:
        raise ValueError(f"{name} must hold at least one entry")
    keys = [key for key, _ in table]
    if keys != sorted(set(keys)):
        raise ValueError(f"the {unit} of {name} must ascend")
