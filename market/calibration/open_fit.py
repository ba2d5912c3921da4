"""The fit of how much wider quotes are at the open, to quotes of single contracts by the minute.

A contract's half spread over the root of its mid is compared with its own median from an hour and
a half to five and a half hours after the open, so that neither price, tenor, VIX nor year matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from market.calibration.notes import FitNote, span
from market.errors import HistoryError
from market.quote_widths import OPEN_MINUTES, QuoteWidths
from market.quotes import FloatArray

_FIRST_QUIET_MINUTE, _LAST_QUIET_MINUTE = 90, 330
_LEAST_PRICE, _LEAST_QUOTES = 0.10, 100

# One row per contract, day and minute of the first ten: ln of its width over its quiet median.
_QUERY = f"""
WITH quotes AS (
    SELECT ts::DATE AS day, root, expiry, strike, "right",
        date_diff('minute', ts::DATE + TIME '09:30', ts::TIMESTAMP) AS since,
        ln((ask - bid) / sqrt(ask + bid)) AS width
    FROM read_parquet(?) WHERE bid > 0 AND ask > bid AND ask + bid >= {2 * _LEAST_PRICE}
), quiet AS (
    SELECT day, root, expiry, strike, "right", median(width) AS usual FROM quotes
    WHERE since BETWEEN {_FIRST_QUIET_MINUTE} AND {_LAST_QUIET_MINUTE} GROUP BY ALL
)
SELECT strftime(day, '%Y-%m-%d') AS day, since::DOUBLE AS since, width - usual AS extra
FROM quotes JOIN quiet USING (day, root, expiry, strike, "right")
WHERE since >= 0 AND since < {OPEN_MINUTES} ORDER BY day, since, extra
"""


@dataclass(frozen=True)
class OpeningQuotes:
    """Quotes just after the open: minutes since it, and ln of the width over the quiet one."""

    days: tuple[date, ...]
    since_open: FloatArray
    extra: FloatArray


def read_opening(path: Path) -> OpeningQuotes:
    """Return the first minutes of a Parquet file of quotes by the minute (New York times).

    Raises:
        HistoryError: the file is no Parquet, or a column is missing.
    """
    import duckdb  # noqa: PLC0415  # costs start-up time that most runs need not pay

    try:
        with duckdb.connect() as connection:
            found: dict[str, Any] = dict(connection.execute(_QUERY, [str(path)]).fetchnumpy())
    except duckdb.Error as trouble:
        reason = str(trouble).splitlines()[0]
        raise HistoryError(f"{path.name} cannot be read as quotes by the minute ({reason}).") from (
            trouble
        )
    days = sorted({date.fromisoformat(str(day)) for day in found["day"]})
    return OpeningQuotes(tuple(days), np.asarray(found["since"]), np.asarray(found["extra"]))


def fit_open(
    part: str, widths: QuoteWidths, seen: OpeningQuotes
) -> tuple[QuoteWidths, tuple[FitNote, ...]]:
    """Return the widths with `open_factor` fitted to the median of each minute after the open."""
    if len(seen.extra) < _LEAST_QUOTES:
        return widths, ()
    minutes = np.unique(seen.since_open)
    medians = np.array([np.median(seen.extra[seen.since_open == each]) for each in minutes])
    rest = 1.0 - minutes / OPEN_MINUTES
    extra = float(np.sum(rest * np.expm1(medians)) / np.sum(rest**2))
    fitted = replace(widths, open_factor=max(1.0 + extra, 0.2))
    return fitted, (_note(part, fitted, seen),)


def _note(part: str, widths: QuoteWidths, seen: OpeningQuotes) -> FitNote:
    days: Sequence[date] = seen.days
    modelled = 1.0 + (widths.open_factor - 1.0) * (1.0 - seen.since_open / OPEN_MINUTES)
    return FitNote(
        part=f"{part}.open_factor",
        sample=f"quotes of the first minutes of {len(days)} days, {span(days)}",
        count=len(seen.extra),
        unit="in logs of the half spread",
        error=float(np.mean(np.abs(np.log(modelled) - seen.extra))),
        measure="mean error",
    )
