"""What a command leaves behind, and how tests call one."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


Alvh = Callable[..., Answer]
