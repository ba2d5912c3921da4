"""`alvh presets` and `alvh explain`: what people choose from, and what they are told of a rule."""

import json
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from cli_samples import Alvh

from bot.cli.presets import read_preset
from bot.rules import rules
from bot.settings import DEFAULT_PRESET, as_tree, load_settings, preset_names
from strategies.sizing import planned_condors

DOCUMENTED = Path(__file__).parents[2] / "docs" / "json.md"
JANUARY = ("--from", "2018-01-02", "--to", "2018-01-31")
PRESETS = {
    "seed_25",
    "canon_10",
    "budget_50",
    "five_dma",
    "c2_always_on",
    "glossary_norm",
    "simple_vix",
    "delta50",
    "compact",
    "monthly_low_turnover",
    "weights_40_40_20",
    "losing_side",
    "stop_2x",
    "post_event_0dte",
    "small_account",
}


def documented(command: str) -> set[str]:
    """Return the keys that docs/json.md names in the section of a command."""
    text = DOCUMENTED.read_text(encoding="utf-8")
    section = text.split(f"## `alvh {command} --json`")[1].split("\n## ", maxsplit=1)[0]
    return set(re.findall(r"`([a-z_]+)`", section))


@pytest.fixture
def journal(alvh: Alvh, tmp_path: Path) -> Path:
    """Return the journal of a replayed January 2018."""
    path = tmp_path / "january.db"
    assert alvh("backtest", *JANUARY, "--journal", path).code == 0
    return path


def test_presets_are_listed_with_what_they_change(alvh: Alvh) -> None:
    answer = alvh("presets", "--json")

    listed = json.loads(answer.out)
    assert answer.code == 0
    assert set(listed) | set(listed["presets"][0]) == documented("presets")
    assert {preset["name"] for preset in listed["presets"]} == set(preset_names()) >= PRESETS
    assert listed["default"] == listed["presets"][0]["name"] == "seed_25"
    shown = next(preset for preset in listed["presets"] if preset["name"] == "stop_2x")
    assert shown == {
        "name": "stop_2x",
        "about": "Buys a condor back at two credits more than it brought; no time shift.",
        "changes": {"condor.stop_credit_multiple": 2.0, "shift.enabled": False},
    }


def test_presets_are_listed_one_line_each_for_people(alvh: Alvh) -> None:
    answer = alvh("presets")

    lines = answer.out.splitlines()
    assert lines[0].startswith("seed_25               The default:")
    assert '                        vix_gate.variant = "c2_always_on"' in lines
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("name", sorted(PRESETS - {DEFAULT_PRESET}))
def test_a_preset_changes_every_key_that_it_names(name: str) -> None:
    default, tree = as_tree(load_settings()), as_tree(load_settings(name))

    named = set(read_preset(name)["changes"])
    different = {
        f"{section}.{key}"
        for section, table in tree.items()
        for key, value in table.items()
        if value != default[section][key]
    }
    assert named
    assert different == named


def marked_evenings(alvh: Alvh, journal: Path) -> list[dict[str, float]]:
    """Return the book at the end of each session, numbers alone."""
    shown = alvh("journal", "show", journal, "--kind", "equity_marked", "--last", 99, "--json")
    records = [row["payload"] for row in json.loads(shown.out)["rows"]]
    return [
        {key: float(record[key]) for key in record if key.endswith("_usd")} for record in records
    ]


def over_the_cap(evenings: list[dict[str, float]], aggregate_frac: float) -> list[float]:
    """Return the open risks of condors above R-13's share of the account."""
    risks = [evening["open_max_loss_usd"] / evening["nlv_usd"] for evening in evenings]
    return [risk for risk in risks if risk > aggregate_frac * 1.001]  # sized before the day's mark


def worse_than_the_cap(evenings: list[dict[str, float]], aggregate_frac: float) -> list[float]:
    """Return the days that lost more than R-13's share of the account, the hedge and fees."""
    found = []
    for before, after in pairwise(evenings):
        at_risk = aggregate_frac * before["nlv_usd"] + before["hedge_value_usd"]
        at_risk += after["fees_usd"] - before["fees_usd"]
        lost = before["nlv_usd"] - after["nlv_usd"]
        found += [lost - at_risk] if lost > at_risk else []
    return found


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_runs_within_the_cap_on_its_risk(alvh: Alvh, name: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"

    answer = alvh("backtest", *JANUARY, "--preset", name, "--journal", journal, "--json")

    result = json.loads(answer.out)
    assert (answer.code, answer.err) == (0, "")
    assert result["preset"] == name
    assert result["sessions"] == 21
    assert result["condors_opened"] + sum(result["condors_skipped"].values()) == 21
    assert result["condors_opened"] >= 8
    assert result["start_nlv_usd"] == (25_000 if name == "small_account" else 250_000)
    assert 0.85 < result["end_nlv_usd"] / result["start_nlv_usd"] < 1.1
    evenings = marked_evenings(alvh, journal)
    assert len(evenings) == 21
    cap = load_settings(name).size.aggregate_frac
    assert over_the_cap(evenings, cap) == []
    assert worse_than_the_cap(evenings, cap) == []


def test_a_small_account_pays_for_a_condor_after_its_first_loss() -> None:
    settings = load_settings("small_account")

    loss = Decimal(2 * 935)
    assert planned_condors(settings.account.start_nlv_usd, settings) == 2
    assert planned_condors(settings.account.start_nlv_usd - loss, settings) == 2


def test_a_rule_is_explained_with_its_parameters_in_force(alvh: Alvh, journal: Path) -> None:
    answer = alvh(
        "explain", "R-17", "--set", "shift.cushion_frac=0.3", "--journal", journal, "--json"
    )

    told = json.loads(answer.out)
    assert answer.code == 0
    assert set(told) <= documented("explain")
    assert (told["id"], told["title"]) == ("R-17", "Time shift forward")
    assert told["room"] == "strategies/time_shift.py"
    assert {
        "key": "shift.cushion_frac",
        "value": 0.3,
        "description": "The new credit must exceed the closing debit by this share.",
    } in told["parameters"]
    assert told["journal"] == str(journal)
    assert isinstance(told["bound"], int)


def test_a_preset_shows_in_the_parameters(alvh: Alvh) -> None:
    answer = alvh("explain", "12", "--preset", "canon_10")

    assert answer.code == 0
    assert answer.out.startswith("R-12  Strike search\n")
    assert re.search(r"condor.wing_width_points +  ?= 10 ", answer.out)


def test_all_rules_are_listed_with_their_counts(alvh: Alvh, journal: Path) -> None:
    listed = json.loads(alvh("explain", "--journal", journal, "--json").out)
    text = alvh("explain", "--journal", journal).out

    bound = {rule["id"]: rule["bound"] for rule in listed["rules"]}
    assert list(bound) == list(rules())
    assert bound["R-34"] == 21
    assert bound["R-12"] >= 8
    assert listed["journal"] == str(journal)
    assert re.search(r"^R-34  Second engine +21$", text, re.MULTILINE)
    assert len(text.splitlines()) == 2 + 36


def test_without_a_journal_it_says_so(
    alvh: Alvh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    one, all_of_them = alvh("explain", "R-14"), alvh("explain")

    assert (one.code, all_of_them.code) == (0, 0)
    assert "How often it bound is unknown: no journal lies below runs/" in one.out
    assert all_of_them.out.splitlines()[0] == "R-01  Session clock"
    assert "No counts: no journal lies below runs/" in all_of_them.out


def test_by_default_the_newest_journal_counts(
    alvh: Alvh, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "runs" / "january"
    run.mkdir(parents=True)
    journal.rename(run / "journal.db")
    monkeypatch.chdir(tmp_path)

    answer = alvh("explain", "R-34")

    assert answer.out.endswith("In runs/january/journal.db it bound 21 times.\n")


def test_a_newest_journal_that_cannot_be_read_leaves_the_rule_explained(
    alvh: Alvh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "runs" / "broken"
    run.mkdir(parents=True)
    (run / "journal.db").write_text("no database", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    answer = alvh("explain", "R-34")

    assert answer.code == 0
    assert "How often it bound is unknown: runs/broken/journal.db is no journal" in answer.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("R-99",), "rule 'R-99' is unknown; did you mean R-29 (Temporal theta and Big Top)."),
        (("harvst",), "rule 'harvst' is unknown; choose one of R-01 … R-36"),
        (("R-17", "--journal", "no-such.db"), "no-such.db is no file; name a journal"),
        (("R-17", "--preset", "seed_52"), "preset 'seed_52' is unknown; did you mean seed_25."),
    ],
    ids=["number", "word", "journal", "preset"],
)
def test_a_mistake_in_a_question_gets_one_sentence(
    alvh: Alvh, arguments: tuple[str, ...], sentence: str
) -> None:
    answer = alvh("explain", *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1
    assert answer.err.startswith(f"alvh: {sentence}")
