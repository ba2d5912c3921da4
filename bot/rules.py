"""The registry of the method's rules: what each says, where it comes from, where it lives.

The words stand in `config/rules.toml`; here they are checked, found by number, and handed out.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from bot.settings import known_keys
from market.errors import ConfigError

COUNT = 36
FIRST, LAST = "R-01", f"R-{COUNT}"
LEAST_WORD = 3
_NUMBER = re.compile(r"(?:R-?)?0*(\d{1,3})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its words, its source, the file and tests that hold it, and how it is counted.

    `parameters` are keys of the settings, `room` and `tests` paths from the root of the checkout;
    `bound_when` completes the sentence "counted are …".
    """

    id: str
    title: str
    text: str
    source: str
    room: str
    parameters: tuple[str, ...]
    tests: tuple[str, ...]
    bound_when: str

    def __post_init__(self) -> None:
        words = (self.title, self.text, self.source, self.room, self.bound_when)
        if not all(words) or not self.tests:
            raise ValueError(f"{self.id} lacks words, a room or a test")
        unknown = [key for key in self.parameters if key not in known_keys()]
        if unknown:
            raise ValueError(f"{self.id} names {unknown[0]}, which is no key of the settings")


@cache
def rules() -> Mapping[str, Rule]:
    """Return all rules by id, R-01 … R-36 in order."""
    text = (files("config") / "rules.toml").read_text(encoding="utf-8")
    return parse_rules(text)


def parse_rules(text: str) -> Mapping[str, Rule]:
    """Return the rules of a registry's text by id.

    Raises:
        ValueError: a rule is missing, out of order or incomplete.
    """
    found = [
        Rule(**table | {name: tuple(table[name]) for name in ("parameters", "tests")})
        for table in tomllib.loads(text)["rule"]
    ]
    wanted = [f"R-{number:02}" for number in range(1, COUNT + 1)]
    if [rule.id for rule in found] != wanted:
        raise ValueError(f"the registry must hold {FIRST} … {LAST} in order")
    return MappingProxyType({rule.id: rule for rule in found})


def find_rule(name: str) -> Rule:
    """Return the rule that a person means: `R-17`, `r17` and `17` are the same.

    Raises:
        ConfigError: there is no such rule; the sentence names the one that was probably meant.
    """
    number = _NUMBER.fullmatch(name.strip())
    rule = rules().get(f"R-{int(number[1]):02}") if number else None
    if rule is not None:
        return rule
    raise ConfigError(f"rule {name!r} is unknown; {_hint(name)}.")


def _hint(name: str) -> str:
    """Return the rule that was probably meant: by its number or its title, then by a word of it."""
    lowered, by_words = name.lower(), {each.id.lower(): each for each in rules().values()}
    by_words |= {each.title.lower(): each for each in rules().values()}
    one_word: dict[str, Rule] = {}
    for words, each in by_words.items():
        for word in words.split():
            one_word.setdefault(word, each)
    for known in (by_words, one_word):
        near = difflib.get_close_matches(lowered, known, 1)
        within = [words for words in known if len(name) >= LEAST_WORD and lowered in words]
        for words in (*near, *within):
            return f"did you mean {known[words].id} ({known[words].title})"
    return f"choose one of {FIRST} … {LAST}, which `alvh explain` lists"
