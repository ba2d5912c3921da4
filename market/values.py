"""How the values of the hot path are made: frozen to the type checker and in tests, plain when run.

Rules of this file:
- A frozen dataclass writes each field through `object.__setattr__`, which costs five times as much
  as a plain assignment; a replay makes some six hundred values a session. So `value` tells mypy
  "frozen", which refuses every assignment in the checks, and leaves the guard out when run.
- The test suite sets `FROZEN`, and every value is a truly frozen one there: what the checker cannot
  see still fails. Equality, hash, order of fields and all else are those of a dataclass in both.
- Values that are made rarely stay `dataclass(frozen=True)`.
"""

import os
from typing import TYPE_CHECKING

FROZEN = "ALVH_FROZEN_VALUES"

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(*, frozen: bool, slots: bool = False):
        """Return the decorator of a value class."""
        if os.environ.get(FROZEN):
            return dataclass(frozen=frozen, slots=slots)
        return dataclass(slots=slots, unsafe_hash=True)


__all__ = ["FROZEN", "value"]
