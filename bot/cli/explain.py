"""`alvh explain`: a rule of the method in plain words, its parameters, and how often it bound."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from bot.cli.options import json_option, print_json, read_settings, settings_options
from bot.rules import Rule, find_rule, rules
from market.errors import AlvhError

WIDTH = 88
RUNS = Path("runs")


@dataclass(frozen=True, slots=True)
class Bindings:
    """How often each rule bound in a journal; without one, why there is none."""

    journal: Path | None
    counts: Mapping[str, int]
    problem: str = ""


@click.command("explain")
@click.argument("rule", required=False, metavar="[RULE]")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    metavar="FILE.db",
    help="The run to count in; by default the newest under ./runs.",
)
@settings_options
@json_option
def command(
    rule: str | None,
    journal: Path | None,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Explain a rule: its words, parameters in force, source, file, and how often it bound.

    Without RULE all rules are listed. A rule binds when it changed or decided something.

    \b
    Examples:
      alvh explain
      alvh explain R-17
      alvh explain 24 --preset budget_50 --journal quarter.db --json
    """
    from bot.settings import as_tree  # noqa: PLC0415 - only when used

    wanted = [find_rule(rule)] if rule is not None else list(rules().values())
    tree = as_tree(read_settings(preset, config, overrides))
    bindings = count_bindings(journal)
    told = [as_json_object(each, tree, bindings) for each in wanted]
    if as_json:
        found = None if bindings.journal is None else str(bindings.journal)
        print_json(told[0] if rule is not None else {"journal": found, "rules": told})
    elif rule is not None:
        click.echo(as_text(told[0], bindings))
    else:
        click.echo(as_list(told, bindings))


def count_bindings(journal: Path | None) -> Bindings:
    """Return how often each rule bound in a journal, by default the newest under ./runs.

    Raises:
        ConfigError: the journal that was asked for is missing or is none.
        InvariantBroken: it is damaged.
    """
    if journal is not None:
        return Bindings(journal, _counts(journal))
    from bot.cli.status import newest_journal  # noqa: PLC0415

    newest = newest_journal(RUNS)
    if newest is None:
        return Bindings(None, {}, f"no journal lies below {RUNS}/ and none is named by --journal.")
    try:
        return Bindings(newest, _counts(newest))
    except AlvhError as error:  # nobody asked for it, so the rule is explained all the same
        return Bindings(None, {}, str(error))


def _counts(journal: Path) -> Mapping[str, int]:
    from bot.journal.store import JournalReader  # noqa: PLC0415 - SQL is loaded only when used
    from bot.rule_counter import RuleCounter  # noqa: PLC0415

    counter = RuleCounter()
    with JournalReader(journal) as reader:
        for record in reader.records():
            counter.watch(record)
    return counter.counts()


def as_json_object(
    rule: Rule, settings: Mapping[str, Mapping[str, Any]], bindings: Bindings
) -> dict[str, Any]:
    """Return all that is known of a rule as plain values."""
    return {
        "id": rule.id,
        "title": rule.title,
        "text": rule.text,
        "parameters": [_parameter(key, settings) for key in rule.parameters],
        "source": rule.source,
        "room": rule.room,
        "tests": list(rule.tests),
        "bound_when": rule.bound_when,
        "bound": bindings.counts.get(rule.id),
        "journal": None if bindings.journal is None else str(bindings.journal),
    }


def _parameter(key: str, settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    from bot.settings import known_keys  # noqa: PLC0415

    section, _, name = key.partition(".")
    return {"key": key, "value": settings[section][name], "description": known_keys()[key]}


def as_text(rule: Mapping[str, Any], bindings: Bindings) -> str:
    """Return a rule as a person reads it."""
    lines = [f"{rule['id']}  {rule['title']}", "", fill(rule["text"], WIDTH), ""]
    values = {each["key"]: json.dumps(each["value"]) for each in rule["parameters"]}
    if values:
        lines.append("Parameters in force:")
    keys, texts = max(map(len, values), default=0), max(map(len, values.values()), default=0)
    for each in rule["parameters"]:
        value = values[each["key"]]
        lines.append(f"  {each['key']:{keys}} = {value:{texts}}  {each['description']}")
    if not values:
        lines.append("It has no parameters.")
    lines += [
        "",
        f"Source: {rule['source']}",
        f"Lives in {rule['room']}; tested in {', '.join(rule['tests'])}",
        "",
        fill(f"Counted are {rule['bound_when']}.", WIDTH),
        _how_often(rule["bound"], bindings),
    ]
    return "\n".join(lines)


def _how_often(bound: int | None, bindings: Bindings) -> str:
    if bound is None:
        return fill(f"How often it bound is unknown: {bindings.problem}", WIDTH)
    times = "never" if bound == 0 else "once" if bound == 1 else f"{bound} times"
    return f"In {bindings.journal} it bound {times}."


def as_list(told: list[dict[str, Any]], bindings: Bindings) -> str:
    """Return all rules, one line each, with their counts where a journal has them."""
    if bindings.journal is None:
        lines = [f"{rule['id']}  {rule['title']}" for rule in told]
        return "\n".join([*lines, "", fill(f"No counts: {bindings.problem}", WIDTH)])
    lines = [f"{rule['id']}  {rule['title']:36} {rule['bound']:7}" for rule in told]
    return "\n".join([f"How often each rule bound in {bindings.journal}:", "", *lines])
