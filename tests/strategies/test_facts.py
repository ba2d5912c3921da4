"""Late facts: an ordinary mapping whose dear entries are worked out when read."""

import msgspec
import pytest

from bot.journal.codec import plain
from strategies.base import JsonValue
from strategies.facts import LateFacts


def test_late_facts_read_like_any_others_and_only_when_asked() -> None:
    asked: list[str] = []

    def depth() -> JsonValue:
        asked.append("depth")
        return 20.5

    facts = LateFacts({"vix": 17.3}, {"depth": depth})

    assert ("depth" in facts, "rms" in facts, len(facts), list(facts)) == (
        True,
        False,
        2,
        ["vix", "depth"],
    )
    assert (facts["vix"], facts.get("rms"), asked) == (17.3, None, [])
    assert facts == {"vix": 17.3, "depth": 20.5}
    assert repr(facts) == "{'vix': 17.3, 'depth': 20.5}"
    assert asked == ["depth", "depth"]


def test_late_facts_are_written_as_what_they_say() -> None:
    facts = LateFacts({"vix": 17.3}, {"depth": lambda: None})

    assert msgspec.json.encode(facts, enc_hook=plain) == b'{"vix":17.3,"depth":null}'
    with pytest.raises(NotImplementedError, match="object, which JSON does not know"):
        msgspec.json.encode(object(), enc_hook=plain)
