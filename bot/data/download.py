"""Fetches series into a folder of history: a series is renewed whole and proved, or stays.

Rules of this file:
- Of an older file in the folder every date is kept that the publisher no longer serves; where both
  have a value the publisher is believed.
- What ends before the file in the folder ends is refused: it is torn or stale.
- One series that fails does not keep the others from being fetched.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

from bot.data.cache import note, noted, prepare_folder, put
from bot.data.fetch import Fetched, Fetcher, NotThere
from bot.data.grid import Grid, merged, on_days, read_grid, without_impossible_opens
from bot.data.kinds import FileKind, kind_of_file
from bot.data.macro_file import read_releases, renewed
from bot.data.sources import Format, Source
from bot.data.vx import Settles, contract_settles, monthly_expiries, settles_of, to_parquet
from market.errors import AlvhError, HistoryError, MarketDataError
from market.history_files import read_vx
from market.listings import Listings
from market.sessions import SessionCalendar, exchange_zone

# A contract is listed some eight months before it expires; the furthest may not be there yet.
_SURELY_LISTED = timedelta(days=150)


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a download happens, and what it is checked against."""

    folder: Path
    at: datetime
    calendar: SessionCalendar
    listings: Listings
    shipped_macro: str

    @property
    def today(self) -> date:
        """Return the exchange date of the download."""
        return self.at.astimezone(exchange_zone()).date()

    @property
    def positions(self) -> dict[date, int]:
        """Return the number of each session of the calendar."""
        return {day: number for number, day in enumerate(self.calendar.dates)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one series: "written", "unchanged" or "failed", and why."""

    series: str
    file: str
    state: str
    source: str = ""
    urls: tuple[str, ...] = ()
    last: date | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Built:
    """The new bytes of a file (None: nothing new), and what they were made of."""

    body: bytes | None
    last: date | None = None
    parts: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Job:
    series: str
    source: Source
    kind: FileKind
    place: Place
    fetcher: Fetcher
    entry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.place.folder / self.kind.file_name

    def part(self, fetched: Fetched) -> dict[str, Any]:
        """Return what the manifest keeps of one fetched body."""
        return {
            "url": fetched.url,
            "sha256": fetched.sha256,
            "bytes": len(fetched.body),
            "etag": fetched.etag,
            "at": f"{self.place.at:%Y-%m-%dT%H:%M:%SZ}",
        }


def download(
    names: Sequence[str], sources: Mapping[str, Source], place: Place, fetcher: Fetcher
) -> list[Outcome]:
    """Fetch each series named and return what became of it.

    Raises:
        HistoryError: the folder cannot be made.
    """
    prepare_folder(place.folder)
    return [_outcome(name, sources[name], place, fetcher) for name in names]


def _outcome(name: str, source: Source, place: Place, fetcher: Fetcher) -> Outcome:
    kind = kind_of_file(source.file)
    try:
        entry = noted(place.folder, kind.file_name) or {}
        job = _Job(name, source, kind, place, fetcher, entry)
        built = _BUILDERS[source.format](job)
        if built.body is None:
            urls = _urls(entry.get("parts", ()))
            return Outcome(name, source.file, "unchanged", source.source, urls)
        is_changed = put(place.folder, kind.file_name, built.body, kind.check(place.positions))
        note(
            place.folder,
            kind.file_name,
            {
                "source": source.source,
                "licence": source.licence,
                "at": f"{place.at:%Y-%m-%dT%H:%M:%SZ}",
                "parts": list(built.parts),
            },
        )
    except AlvhError as error:
        stays = "stays as it was" if (place.folder / kind.file_name).exists() else "was not written"
        reason = f"{name}: {str(error).rstrip('.')}; {kind.file_name} {stays}."
        return Outcome(name, source.file, "failed", source.source, reason=reason)
    return Outcome(
        name,
        source.file,
        "written" if is_changed else "unchanged",
        source.source,
        _urls(built.parts),
        built.last,
        notes=built.notes,
    )


def _urls(parts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(part["url"] for part in parts)


def _csv(job: _Job) -> _Built:
    shape = job.kind.shape
    if shape is None:
        raise HistoryError(f"{job.kind.file_name} is no CSV file.")
    bodies = [_fetch_one(job, part.url) for part in job.source.parts]
    if any(body is None for body in bodies):
        return _Built(None)
    grids, parts = [], []
    for part, fetched in zip(job.source.parts, bodies, strict=True):
        if fetched is not None:
            grids.append(read_grid(fetched.body, shape, fetched.url, part.columns))
            parts.append(job.part(fetched))
    new = without_impossible_opens(reduce(merged, grids))
    if shape.is_by_session:
        new = on_days(new, job.place.calendar.dates, parts[0]["url"])
    old = read_grid(job.path.read_bytes(), shape, shape.file_name) if job.path.exists() else None
    _refuse_older(None if old is None else old.last, new.last, parts[0]["url"])
    whole: Grid = merged(old, new)
    return _Built(whole.to_csv(), whole.last, tuple(parts))


def _fetch_one(job: _Job, url: str) -> Fetched | None:
    """Return the file at `url`; None if it is the only part and still the one we have."""
    parts = job.entry.get("parts", ())
    etag = parts[0].get("etag") if len(parts) == len(job.source.parts) == 1 else None
    return job.fetcher.get(url, etag)


def _refuse_older(kept: date | None, fetched: date, url: str) -> None:
    if kept is not None and fetched < kept:
        raise MarketDataError(
            f"{url} ends on {fetched}, before the file in the folder, which ends on {kept}."
        )


def _vx_contracts(job: _Job) -> _Built:
    """Return the table with the contracts added that expire after its last session."""
    place = job.place
    old = settles_of(read_vx(job.path, place.positions)) if job.path.exists() else {}
    kept_until = max((day for day, _ in old), default=None)
    first = max(filter(None, (job.source.first_expiry, kept_until)), default=place.today)
    new: Settles = {}
    parts: list[Mapping[str, Any]] = []
    for expiry in monthly_expiries(place.listings, first, place.today):
        fetched = _contract(job, expiry)
        if fetched is not None:
            new |= contract_settles(fetched.body, expiry, fetched.url, place.today)
            parts.append(job.part(fetched))
    new = {key: settle for key, settle in new.items() if key[0] in place.positions}
    last = max((day for day, _ in new), default=None)
    if last is None:
        raise MarketDataError(f"no contract from {first} on has a settlement")
    _refuse_older(kept_until, last, parts[-1]["url"])
    known = {part["url"] for part in parts}
    earlier = [part for part in job.entry.get("parts", ()) if part["url"] not in known]
    return _Built(to_parquet(old | new), last, (*earlier, *parts))


def _contract(job: _Job, expiry: date) -> Fetched | None:
    """Return the file of one contract, None where it may not be listed yet."""
    url = job.source.parts[0].url.replace("{expiry}", expiry.isoformat())
    try:
        return job.fetcher.get(url)
    except NotThere:
        if expiry - job.place.today > _SURELY_LISTED:
            return None
        raise


def _icalendar(job: _Job) -> _Built:
    fetched = _fetch_one(job, job.source.parts[0].url)
    if fetched is None:
        return _Built(None)
    base = job.path.read_text("utf-8") if job.path.exists() else job.place.shipped_macro
    if job.path.exists():
        job.kind.check(job.place.positions)(job.path)
    releases = read_releases(fetched.body, job.source.releases, fetched.url)
    result = renewed(base, releases, fetched.url, job.place.today)
    notes = [f"{count} {kind.upper()} dates added" for kind, count in result.added.items()]
    last = max(max(days) for days in releases.values())
    return _Built(result.text.encode(), last, (job.part(fetched),), (*notes, *result.notes))


_BUILDERS: Mapping[Format, Callable[[_Job], _Built]] = {
    Format.CSV: _csv,
    Format.VX_CONTRACTS: _vx_contracts,
    Format.ICALENDAR: _icalendar,
}
