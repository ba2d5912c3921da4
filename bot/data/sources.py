"""The table of public files: which series come from where, on whose terms."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from market.errors import ConfigError


class Format(StrEnum):
    """How the bytes of a source are to be read."""

    CSV = "csv"
    VX_CONTRACTS = "vx_contracts"
    ICALENDAR = "icalendar"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Frozen):
    """One address; `columns` tells which of its columns becomes which of ours."""

    url: Annotated[str, Field(pattern=r"^https://")]
    columns: Mapping[str, str] = Field(default_factory=dict)


class Source(_Frozen):
    """One series: the file it becomes, its format, its publisher and the terms of use."""

    file: str
    format: Format
    source: str
    licence: str
    parts: tuple[Part, ...] = Field(min_length=1)
    first_expiry: date | None = None
    releases: Mapping[str, str] = Field(default_factory=dict)


def read_sources(text: str, source_name: str = "data_sources.toml") -> dict[str, Source]:
    """Return the sources written in the text of a TOML table, by series.

    Raises:
        ConfigError: the text is no TOML, or a key is missing, unknown or malformed.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source_name} is no valid TOML: {error}.") from error
    sources: dict[str, Source] = {}
    for name, table in tables.items():
        try:
            sources[name] = Source.model_validate(table)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, (name, *first["loc"])))
            raise ConfigError(f"{source_name}: {key}: {first['msg']}; correct it.") from error
    return sources


def chosen(names: Sequence[str], sources: Mapping[str, Source]) -> tuple[str, ...]:
    """Return the series asked for, each once; all of them when none is named.

    Raises:
        ConfigError: a name is no series that can be fetched.
    """
    for name in names:
        if name not in sources:
            raise ConfigError(
                f"{name!r} cannot be downloaded; choose among {', '.join(sources)}"
                " (other files come in by `alvh data import`)."
            )
    return tuple(dict.fromkeys(names)) or tuple(sources)


def rebased(url: str, base_url: str | None) -> str:
    """Return `url` as it is reached: at its own host, or at `base_url` in place of the host."""
    if base_url is None:
        return url
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return base_url.rstrip("/") + path
