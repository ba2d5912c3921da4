"""`alvh init`: a first settings file, from a few questions."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bot.cli.options import json_option, print_json
from market.errors import ConfigError

DEFAULT_FILE = "alvh.toml"


@dataclass(frozen=True, slots=True)
class Question:
    """One key that is asked for: its place, the words of the question, its default."""

    section: str
    key: str
    words: str
    default: Any


QUESTIONS = (
    Question("account", "start_nlv_usd", "Dollars in the account at the start", 250_000),
    Question("journal", "folder", "Folder for journals, logs and pictures", "runs"),
    Question("web", "port", "Port of the dashboard on 127.0.0.1", 8642),
    Question("notify", "channels", "Channel to notify, such as: phone level=warning", ""),
    Question("ib", "account", "Paper account at Interactive Brokers, empty for none", ""),
)


@click.command("init")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    default=DEFAULT_FILE,
    show_default=True,
    help="File to write; one that exists is left alone.",
)
@click.option("--preset", metavar="NAME", help="Named set of parameters to start from.")
@click.option(
    "--account",
    metavar="ID",
    help="Id of an Interactive Brokers paper account, instead of the question.",
)
@click.option("--yes", "is_silent", is_flag=True, help="Ask nothing, take every default.")
@json_option
def command(
    file: Path, preset: str | None, account: str | None, is_silent: bool, as_json: bool
) -> None:
    """Write a first settings file with comments, from a few questions.

    \b
    Examples:
      alvh init
      alvh init --yes --file bot.toml
      alvh init --yes --preset canon_10 --json
      alvh init --yes --account DU0000001 --file paper.toml
    """
    from bot.settings import DEFAULT_PRESET, load_settings, preset_names  # noqa: PLC0415 - heavy

    if file.exists():
        raise ConfigError(f"{file} exists already; name another with --file, or remove it.")
    is_silent = is_silent or as_json
    chosen = preset or _asked_preset(preset_names(), DEFAULT_PRESET, is_silent=is_silent)
    load_settings(chosen)
    known = {} if account is None else {"account": account}
    answers = {each: _answer(each, known, is_silent=is_silent) for each in QUESTIONS}
    paper = next(answer for each, answer in answers.items() if each.section == "ib")
    if paper:
        _require_paper(paper)
    text = settings_text(chosen, answers)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}).") from None
    try:
        load_settings(chosen, file)
    except ConfigError:
        file.unlink()
        raise
    start = f"alvh run --profile sim --preset {chosen} --config {file}"
    if paper:
        # A paper account outlives a process, so its journal needs a folder that does.
        start = f"alvh run --profile paper --preset {chosen} --config {file} --out runs/paper"
    if as_json:
        print_json({"file": str(file), "preset": chosen, "start": start})
        return
    steps = [start] if not paper else [f"alvh doctor --config {file}", start]
    click.echo(f"Written to {file}. What comes next:\n\n  " + "\n  ".join(steps))


def _require_paper(account: str) -> None:
    """Refuse an account that the paper lock would refuse.

    Raises:
        NotPaper: it is not the id of a paper account.
    """
    from bot.ib_keys import IbKeys  # noqa: PLC0415 - heavy, only when used
    from brokers.ib.paper_lock import require_paper_settings  # noqa: PLC0415

    require_paper_settings(account, IbKeys().port)


def _answer(question: Question, known: dict[str, str], *, is_silent: bool) -> Any:
    if question.section == "ib" and question.key in known:
        return known[question.key]
    if is_silent:
        return question.default
    return click.prompt(question.words, default=question.default)


def _asked_preset(names: list[str], default: str, *, is_silent: bool) -> str:
    if is_silent:
        return default
    click.echo("Presets: " + ", ".join(names) + " (`alvh presets` tells what each changes).")
    chosen: str = click.prompt("Preset", default=default)
    return chosen


def settings_text(preset: str, answers: dict[Question, Any]) -> str:
    """Return the TOML of the answers, each key under its description."""
    from bot.settings import known_keys  # noqa: PLC0415 - heavy

    described, lines = known_keys(), [
        "# Settings of the bot; whatever does not stand here has its default.",
        f"# Start:     alvh run --profile sim --preset {preset} --config THIS_FILE",
        "# All keys:  alvh config --schema",
        "# Secrets never stand here: they come from the environment (ALVH_WEB_TOKEN,",
        "# ALVH_NOTIFY_NAME for the channel NAME, PGPASSWORD).",
    ]  # fmt: skip
    for question, answer in answers.items():
        description = described[f"{question.section}.{question.key}"]
        lines += ["", f"[{question.section}]", f"# {description}"]
        lines.append(f"{question.key} = {json.dumps(answer, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
