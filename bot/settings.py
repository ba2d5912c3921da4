"""Settings: defaults, a preset, a file, the environment, `--set`; typed, and refused if unknown.

Every refusal names the file (or `--set`), the key, the value and the remedy in one sentence.
"""

import difflib
import hashlib
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from bot.ib_keys import IbKeys
from bot.masking import holds_secret
from bot.notify_policy import NotifySettings
from bot.risk import RiskParams
from bot.safety import SafetyParams
from bot.web.options import WebSettings
from market.errors import ConfigError
from strategies.params import MethodParams
from strategies.section import Section

Tree = dict[str, dict[str, Any]]
DEFAULT_PRESET = "seed_25"
# How far before one session the replay that leads to it begins: long enough for a hedge to stand.
SESSIONS_BEFORE = 60

ENVIRONMENT_PREFIX = "ALVH_"


class ListingMode(StrEnum):
    """Which expiries exist: those listed on the date, or one every session."""

    LISTED = "listed"
    HYPOTHETICAL = "hypothetical"


class AccountSettings(Section):
    """The account at the start of a simulation."""

    start_nlv_usd: Decimal = Field(Decimal("250000"), gt=0, description="Cash at the start.")


class MarketSettings(Section):
    """What the simulated market is made of."""

    listing: ListingMode = Field(
        ListingMode.LISTED, description="listed, or hypothetical: every session has an expiry."
    )
    vol_shock_frac: float = Field(
        0.0,
        gt=-0.9,
        le=5,
        description="Every option's vol is wrong by this share (0.2: a fifth too high).",
    )
    macro_file: str = Field(
        "", description="Own file of release dates instead of the shipped one; empty: shipped."
    )


class FillSettings(Section):
    """How the simulated exchange fills resting orders."""

    partial_share: float = Field(
        0.25, ge=0, le=1, description="Share of larger orders that fill in parts."
    )
    partial_from_quantity: int = Field(
        5, ge=2, description="Orders of at least this many combos may fill in parts."
    )
    pessimistic: bool = Field(
        False, description="Nothing fills better than natural: the whole spread is always paid."
    )
    diary: bool = Field(
        True, description="Write every evaluation of an order into the journal (order_looked)."
    )
    latency_seconds: float = Field(
        1.0, ge=0, le=30, description="Seconds between sending an order and its first evaluation."
    )
    reject_share: float = Field(
        0.0, ge=0, le=1, description="Share of orders that the venue turns down for no reason."
    )
    adverse_scale: float = Field(
        1.0, ge=0, description="Factor on the drift against us after a fill; 0 switches it off."
    )


class QuoteSettings(Section):
    """How often a single modelled quote is at fault; 0 everywhere is a perfect screen."""

    share_stale_frac: float = Field(0.002, ge=0, le=0.3, description="Share of stale quotes.")
    share_crossed_frac: float = Field(0.002, ge=0, le=0.3, description="Share of crossed quotes.")
    share_missing_frac: float = Field(0.002, ge=0, le=0.3, description="Share of missing quotes.")


class JournalSettings(Section):
    """Where a daemon keeps its journal."""

    folder: str = Field("runs", min_length=1, description="Folder for journals and pictures.")
    url: str = Field(
        "",
        description="PostgreSQL database for a daemon's journal, as "
        "postgresql://USER@HOST:PORT/DATABASE; empty: a file in the folder.",
    )


class OnStop(StrEnum):
    """What becomes of working orders when the daemon ends."""

    CANCEL = "cancel"
    LEAVE = "leave"


class DaemonSettings(Section):
    """How the daemon lives and dies."""

    on_stop: OnStop = Field(
        OnStop.CANCEL,
        description="Working orders at the end: cancel them, or leave them for the next start.",
    )
    stop_seconds: float = Field(
        3.0, ge=0, le=60, description="Longest wait for the answers to those cancellations."
    )
    deadman_url: str = Field(
        "", description="URL fetched after each session's decision; with /fail added when none."
    )
    deadman_file: str = Field(
        "", description="File written after each session's decision, for a watcher of its own."
    )


class Settings(MethodParams):
    """Everything that can be set, section by section."""

    account: AccountSettings = AccountSettings()
    market: MarketSettings = MarketSettings()
    risk: RiskParams = RiskParams()
    safety: SafetyParams = SafetyParams()
    fills: FillSettings = FillSettings()
    quotes: QuoteSettings = QuoteSettings()
    journal: JournalSettings = JournalSettings()
    daemon: DaemonSettings = DaemonSettings()
    web: WebSettings = WebSettings()
    notify: NotifySettings = NotifySettings()
    ib: IbKeys = IbKeys()


def known_keys() -> dict[str, str]:
    """Return every key as `section.name` with its description."""
    keys = {}
    for section, field in Settings.model_fields.items():
        model = field.annotation
        assert model is not None
        for name, value in model.model_fields.items():
            keys[f"{section}.{name}"] = value.description or ""
    return keys


def preset_names() -> list[str]:
    """Return the names of the shipped presets."""
    folder = files("config") / "presets"
    return sorted(
        item.name.removesuffix(".toml") for item in folder.iterdir() if _is_toml(item.name)
    )


def _is_toml(name: str) -> bool:
    return name.endswith(".toml")


def load_settings(
    preset: str = DEFAULT_PRESET,
    config: Path | None = None,
    overrides: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings in force; `environment` is the process's own unless given.

    Raises:
        ConfigError: a preset, file, key or value is wrong.
    """
    tree: Tree = {}
    origins: dict[str, str] = {}
    _merge(tree, origins, _preset_tree(preset), f"preset {preset}")
    if config is not None:
        _merge(tree, origins, _file_tree(config), config.name)
    for name, layer in _environment_trees(os.environ if environment is None else environment):
        _merge(tree, origins, layer, name)
    for text in overrides:
        _merge(tree, origins, _override_tree(text), f"--set {text}")
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(_sentence(error, origins)) from None
    _require_usable(settings, origins)
    return settings


def _preset_tree(preset: str) -> Tree:
    if preset not in preset_names():
        near = difflib.get_close_matches(preset, preset_names(), 1)
        hint = f"did you mean {near[0]}" if near else f"choose one of {', '.join(preset_names())}"
        raise ConfigError(f"preset {preset!r} is unknown; {hint}.")
    text = (files("config") / "presets" / f"{preset}.toml").read_text(encoding="utf-8")
    return _parse(text, f"preset {preset}")


def _file_tree(path: Path) -> Tree:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no text in UTF-8; save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); check the path.") from None
    return _parse(text, path.name)


def _parse(text: str, origin: str) -> Tree:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin} is no valid TOML: {error}; correct that line.") from None
    tree.pop("about", None)
    for section, table in tree.items():
        if not isinstance(table, dict):
            raise ConfigError(
                f"{origin}: {section} = {table!r} stands outside a section; put it under a"
                f" [section] header{_hint(section)}."
            )
    return tree


def _hint(name: str) -> str:
    """Return the header under which a bare key belongs, where there is just one."""
    homes = [key for key in known_keys() if key.endswith(f".{name}")]
    return f", {name} belongs under [{homes[0].partition('.')[0]}]" if len(homes) == 1 else ""


def _environment_trees(environment: Mapping[str, str]) -> Iterable[tuple[str, Tree]]:
    """Yield the settings that variables such as ALVH_IB__ACCOUNT hold, by the variable's name."""
    for name, raw in sorted(environment.items()):
        section, parts, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if name.startswith(ENVIRONMENT_PREFIX) and parts and section and key:
            yield name, {section: {key: _value(raw)}}


def _value(raw: str) -> Any:
    """Return what a text means in TOML, or the text itself."""
    try:
        return tomllib.loads(f"value = {raw.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return raw.strip()


def _override_tree(text: str) -> Tree:
    key, equals, raw = text.partition("=")
    section, dot, name = key.strip().partition(".")
    if not equals or not dot or not name:
        raise ConfigError(f"--set {text} is not of the form section.key=value.")
    return {section: {name: _value(raw)}}


def _merge(tree: Tree, origins: dict[str, str], layer: Mapping[str, Any], origin: str) -> None:
    for section, table in layer.items():
        origins[section] = origin
        for name, value in table.items():
            tree.setdefault(section, {})[name] = value
            origins[f"{section}.{name}"] = origin
        tree.setdefault(section, {})


def _require_usable(settings: Settings, origins: Mapping[str, str]) -> None:
    """Refuse what the types let through: a password in a URL, numbers that are none or infinite."""
    if holds_secret(settings.journal.url):
        raise ConfigError(
            "journal.url holds a password; leave it out and set PGPASSWORD in the environment."
        )
    for section, table in settings:
        for name, value in table:
            if isinstance(value, float) and not isfinite(value):
                key = f"{section}.{name}"
                raise ConfigError(f"{origins[key]}: {key} = {value} is refused; give a number.")


def _sentence(error: ValidationError, origins: Mapping[str, str]) -> str:
    """Return the first error in words: where the value came from, which it is, what to do."""
    first = error.errors()[0]
    section, key = str(first["loc"][0]), ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _unknown(key, first["input"], origins)
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        origin = _origin_of_conflict(section, problem, origins)
        return f"{origin}: [{key}] {problem}{_values(section, problem, first['input'])}."
    origin = origins.get(key, origins[section])
    remedy = f"give another value ({known_keys()[key].rstrip('.')})"
    return f"{origin}: {key} = {first['input']!r} is refused: {problem.lower()}; {remedy}."


def _unknown(key: str, value: object, origins: Mapping[str, str]) -> str:
    """Say that a section or a key does not exist, and which is near it."""
    if "." not in key and isinstance(value, dict) and value:
        key = f"{key}.{next(iter(value))}"
    near = _nearest(key)
    hint = f"did you mean {near}" if near else "`alvh config --schema` lists all keys"
    return f"{origins[key]}: {key} is no known key; {hint}."


def _nearest(key: str) -> str | None:
    """Return the section or key that was probably meant: same section first, then spelling."""
    section, dot, name = key.partition(".")
    if not dot:
        return next(iter(difflib.get_close_matches(key, Settings.model_fields, 1)), None)
    keys = list(known_keys())
    longer = [each for each in keys if each.startswith(f"{section}.") and name in each]
    return next(iter(longer or difflib.get_close_matches(key, keys, 1)), None)


def _values(section: str, problem: str, given: Mapping[str, Any]) -> str:
    """Return the values of the keys that a conflict names, unless it tells them itself."""
    model = Settings.model_fields[section].annotation
    assert model is not None
    named = [name for name in model.model_fields if name in problem.replace(",", " ").split()]
    if " = " in problem or not named:
        return ""
    values = {name: given.get(name, model.model_fields[name].default) for name in named}
    return f" ({', '.join(f'{name} = {value}' for name, value in values.items())})"


def _origin_of_conflict(section: str, problem: str, origins: Mapping[str, str]) -> str:
    """Return where the first key that a conflict names was set; defaults never conflict."""
    named = [
        origin
        for key, origin in origins.items()
        if key.partition(".")[0] == section
        and key.partition(".")[2] in problem.replace(",", " ").split()
    ]
    return named[0] if named else origins[section]


def as_tree(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the settings as plain values, for the journal and for people."""
    tree: dict[str, dict[str, Any]] = settings.model_dump(mode="json")
    return tree


def with_defaults(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the settings for people, with the keys that a journal leaves out at their default."""
    tree = as_tree(settings)
    for name, table in tree.items():
        section = getattr(settings, name)
        for key in type(section).model_fields:
            table.setdefault(key, getattr(section, key))
    return tree


def settings_of(tree: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Return the settings that a journal recorded; a key it does not have is at its default.

    Raises:
        ConfigError: a recorded key or value is none of this version.
    """
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"the journal's settings hold {key}, which this version does not take"
            f" ({first['msg'].lower()}); use the version that wrote it."
        ) from None


def config_hash(settings: Settings) -> str:
    """Return a short hash of all settings in force."""
    text = json.dumps(as_tree(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
