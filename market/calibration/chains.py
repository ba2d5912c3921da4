"""Real option chains, read from Parquet and brought into the shape of our own.

Rules of this file:
- Times in a file are naive New York. A snapshot taken after the options closed shows their closing
  quotes, so it is dated to the option close.
- Moneyness is measured against the forward of put–call parity, never against the file's spot,
  which is often hours older than the quotes.
- Each strike's vol is that of its out-of-the-money side; a strike without two-sided quotes there
  has none (NaN).
- A strike that stands twice in one expiry (AM and PM series under one name) is left out.
- A VIX expiry that no VIX future shares is a weekly one, whatever name it has in the file.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from market.errors import HistoryError, NoSuchSession
from market.implied_vol import implied_vol
from market.instruments import Right, TradingClass
from market.listings import is_vix_monthly
from market.pricing import DAYS_PER_YEAR, delta
from market.quotes import BoolArray, Chain, FloatArray
from market.sessions import SessionCalendar, exchange_zone

NEEDED_COLUMNS = ("spot", "expiry", "strike", "right", "bid", "ask")
LEAST_STRIKES = 8
_DATE_COLUMNS = ("quote_ts_et", "quote_date", "expiry")
_NUMBER_COLUMNS = ("spot", "strike", "bid", "ask")

_SPX_STRIKES_FROM = 200.0  # VIX has never closed above 83, SPX not below 290 since 1990
_PARITY_STRIKES = 7
_DAY_SECONDS = 86400.0
_PM_ROOTS = ("SPXW", "SPXPM", "SPX/SPXW", "")

RateAt = Callable[[datetime], float]


@dataclass(frozen=True)
class Snapshot:
    """The chains of one underlying at one instant.

    `is_stale` marks quotes of a market that was closed; `left_out` counts the expiries that could
    not be used, by reason.
    """

    name: str
    underlying: str
    at: datetime
    spot: float
    is_stale: bool
    chains: tuple[Chain, ...]
    left_out: Mapping[str, int]


def read_snapshots(path: Path, calendar: SessionCalendar, rate_at: RateAt) -> tuple[Snapshot, ...]:
    """Return the snapshots of a Parquet file of real chains, in order of time.

    `rate_at` gives the bill rate as a fraction a year, for the discount in put–call parity.

    Raises:
        HistoryError: the file is no Parquet, or a column is missing.
    """
    columns = _read_columns(path)
    order = np.lexsort(
        (columns["strike"], columns["expiry"], columns["underlying"], columns["name"])
    )
    columns = {key: column[order] for key, column in columns.items()}
    found = [
        _snapshot({key: column[span] for key, column in columns.items()}, calendar, rate_at)
        for span in _spans(columns["name"], columns["underlying"])
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.name, one.underlying)))


def _read_columns(path: Path) -> dict[str, Any]:
    """Return the columns used, renamed; `name` and `underlying` tell the snapshots apart."""
    import duckdb  # noqa: PLC0415  # costs start-up time that most runs need not pay

    try:
        with duckdb.connect() as connection:
            source = "read_parquet(?)"
            told = connection.execute(f"DESCRIBE SELECT * FROM {source}", [str(path)]).fetchall()
            has = {str(row[0]): str(row[1]) for row in told}
            _check_columns(path, has)
            query = _query(has, source)
            found = connection.execute(query, [str(path)]).fetchnumpy()
    except duckdb.Error as trouble:
        reason = str(trouble).splitlines()[0]
        raise HistoryError(
            f"{path.name} cannot be read ({reason}); it must be a Parquet file of option chains."
        ) from trouble
    if not len(found["name"]):
        raise HistoryError(
            f"{path.name} holds no option with a date, an expiry, a strike and a right of C or P."
        )
    columns: dict[str, Any] = dict(found)
    for name in ("spot", "strike", "bid", "ask"):
        columns[name] = np.ma.filled(np.ma.asarray(columns[name], dtype=np.float64), np.nan)
    return {name: np.ma.filled(column) for name, column in columns.items()}


def _check_columns(path: Path, has: Mapping[str, str]) -> None:
    """Refuse a file whose columns, types by name, are not those of option chains."""
    missing = [name for name in NEEDED_COLUMNS if name not in has]
    if "quote_ts_et" not in has and "quote_date" not in has:
        missing.append("quote_date (or quote_ts_et)")
    if missing:
        raise HistoryError(f"{path.name} misses the column {missing[0]}; add it.")
    for name, kind in has.items():
        if name in _DATE_COLUMNS and not kind.startswith(("DATE", "TIMESTAMP")):
            raise HistoryError(
                f"{path.name}: {name} holds {kind}; write it as dates or timestamps."
            )
        if name in _NUMBER_COLUMNS and kind in ("VARCHAR", "BLOB", "BOOLEAN"):
            raise HistoryError(f"{path.name}: {name} holds {kind}; write it as numbers.")


def _query(has: Collection[str], source: str) -> str:
    """Return how to read a file with these columns."""
    if "quote_ts_et" in has:
        as_of = name = "strftime(quote_ts_et, '%Y-%m-%d %H:%M')"
        day = "quote_ts_et"
    else:
        as_of = "as_of_et" if "as_of_et" in has else "''"
        date_text, stamp = "strftime(quote_date, '%Y-%m-%d')", f"coalesce({as_of}::VARCHAR, '')"
        name = (
            "snapshot_id"
            if "snapshot_id" in has
            else f"CASE WHEN starts_with({stamp}, {date_text}) THEN {stamp}"
            f" ELSE trim({date_text} || ' ' || {stamp}) END"
        )
        day = "quote_date"
    root = "upper(root::VARCHAR)" if "root" in has else "''"
    stale = "false"
    if "stale_underlying" in has:
        stale = "coalesce(stale_underlying::BOOLEAN, false)"
    underlying = (
        f"CASE WHEN ({root})[1:3] IN ('SPX', 'VIX') THEN ({root})[1:3] ELSE '' END AS underlying"
    )
    right = 'upper(("right"::VARCHAR)[1])'
    return (
        f"SELECT {name}::VARCHAR AS name, {as_of}::VARCHAR AS as_of, {underlying},"
        f" strftime({day}, '%Y-%m-%d') AS day, strftime(expiry, '%Y-%m-%d') AS expiry,"
        f" coalesce({root}, '') AS root, {right} = 'C' AS is_call, {stale} AS is_stale,"
        " spot::DOUBLE AS spot, strike::DOUBLE AS strike, bid::DOUBLE AS bid, ask::DOUBLE AS ask"
        f" FROM {source} WHERE strike > 0 AND expiry IS NOT NULL AND {day} IS NOT NULL"
        f" AND {right} IN ('C', 'P')"
    )


def _spans(*keys: Any) -> Iterator[slice]:
    """Return the runs of rows whose neighbours have all keys in common."""
    count = len(keys[0])
    is_new = np.zeros(count, dtype=np.bool_)
    is_new[:1] = True
    for key in keys:
        is_new[1:] |= key[1:] != key[:-1]
    starts = np.flatnonzero(is_new).tolist()
    return (slice(start, end) for start, end in pairwise([*starts, count]))


def _snapshot(rows: Mapping[str, Any], calendar: SessionCalendar, rate_at: RateAt) -> Snapshot:
    day = date.fromisoformat(str(rows["day"][0]))
    known = rows["spot"][rows["spot"] > 0.0]
    middle = float(np.median(rows["strike"]))
    spot = float(np.median(known)) if len(known) else middle
    at = _instant(day, str(rows["as_of"][0]), calendar)
    # A spot may be absent or wrong; moneyness needs none, and the strikes tell the underlying.
    told = str(rows["underlying"][0])
    is_spx = told == "SPX" if told else middle > _SPX_STRIKES_FROM
    left_out: dict[str, int] = {}
    chains: list[Chain] = []
    for span in _spans(rows["expiry"]):
        of_expiry = {key: column[span] for key, column in rows.items()}
        for root in np.unique(of_expiry["root"]):
            own = of_expiry["root"] == root
            part = {key: column[own] for key, column in of_expiry.items()}
            made = _chain(part, _class_of(str(root), is_spx), at, calendar, rate_at(at))
            if isinstance(made, Chain):
                chains.append(made)
            else:
                left_out[made] = left_out.get(made, 0) + 1
    return Snapshot(
        name=str(rows["name"][0]),
        underlying="SPX" if is_spx else "VIX",
        at=at,
        spot=spot,
        is_stale=bool(np.any(rows["is_stale"])) or not _is_trading(at, calendar),
        chains=tuple(chains),
        left_out=left_out,
    )


def _instant(day: date, as_of: str, calendar: SessionCalendar) -> datetime:
    """Return when the quotes stood: the time told, but not after the options closed.

    A time told on a later date, or none at all, means the closing quotes of `day`.
    """
    try:
        told = datetime.fromisoformat(as_of)
    except ValueError:
        told = datetime.combine(day, time.max)
    if told.date() != day or told.time() == time():
        told = datetime.combine(day, time.max)
    at = told.replace(tzinfo=exchange_zone()).astimezone(UTC)
    if calendar.first <= day <= calendar.last and calendar.is_session(day):
        at = min(at, calendar.session(day).option_close_at)
    return at


def _is_trading(at: datetime, calendar: SessionCalendar) -> bool:
    day = at.astimezone(exchange_zone()).date()
    if not (calendar.first <= day <= calendar.last and calendar.is_session(day)):
        return False
    session = calendar.session(day)
    return session.open_at <= at <= session.option_close_at


def _class_of(root: str, is_spx: bool) -> TradingClass:
    if not is_spx:
        return TradingClass.VIX
    return TradingClass.SPXW if root in _PM_ROOTS else TradingClass.SPX


def _chain(
    rows: Mapping[str, Any],
    trading_class: TradingClass,
    at: datetime,
    calendar: SessionCalendar,
    rate_frac: float,
) -> Chain | str:
    """Return the chain of one expiry, or why it cannot be used."""
    expiry = date.fromisoformat(str(rows["expiry"][0]))
    if trading_class is TradingClass.VIX and not is_vix_monthly(calendar, expiry):
        trading_class = TradingClass.VIXW
    try:
        left = calendar.settles_at(trading_class, expiry) - at
        is_trading = at < calendar.trading_ends_at(trading_class, expiry)
    except NoSuchSession:
        return "expires on no session"
    if not is_trading:
        return "trades no more"
    years = left.total_seconds() / _DAY_SECONDS / DAYS_PER_YEAR
    discount = float(np.exp(-rate_frac * years))
    strikes, sides = _sides(rows)
    if len(strikes) < LEAST_STRIKES:
        return "fewer than 8 strikes, or AM and PM series mixed"
    forward = parity_forward(strikes, sides, discount)
    if forward is None:
        return "no strike with both sides quoted"
    return _with_vols(trading_class, expiry, at, years, discount, forward, strikes, sides)


def _sides(rows: Mapping[str, Any]) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return the strikes that stand once a right, and bids and asks; NaN where not two-sided."""
    is_call = rows["is_call"].astype(np.bool_)
    strikes = np.unique(rows["strike"])
    columns: dict[str, FloatArray] = {}
    is_single = np.ones(len(strikes), dtype=np.bool_)
    for name, own in (("put", ~is_call), ("call", is_call)):
        place = np.searchsorted(strikes, rows["strike"][own])
        is_single &= np.bincount(place, minlength=len(strikes)) <= 1
        bid, ask = rows["bid"][own], rows["ask"][own]
        is_good = (bid > 0.0) & (ask > bid) & np.isfinite(ask)
        for side, values in (("bid", bid), ("ask", ask)):
            column = np.full(len(strikes), np.nan)
            column[place] = np.where(is_good, values, np.nan)
            columns[f"{name}_{side}"] = column
    return strikes[is_single], {key: column[is_single] for key, column in columns.items()}


def parity_forward(
    strikes: FloatArray, sides: Mapping[str, FloatArray], discount: float
) -> float | None:
    """Return K + (call - put) / discount, the median over the strikes nearest to the forward.

    None when no strike has two-sided quotes of both rights.
    """
    put = 0.5 * (sides["put_bid"] + sides["put_ask"])
    call = 0.5 * (sides["call_bid"] + sides["call_ask"])
    gap = call - put
    known = np.flatnonzero(~np.isnan(gap))
    if not len(known):
        return None
    near = known[np.argsort(np.abs(gap[known]), kind="stable")[:_PARITY_STRIKES]]
    return float(np.median(strikes[near] + gap[near] / discount))


def _with_vols(
    trading_class: TradingClass,
    expiry: date,
    at: datetime,
    years: float,
    discount: float,
    forward: float,
    strikes: FloatArray,
    sides: Mapping[str, FloatArray],
) -> Chain:
    is_call: BoolArray = strikes >= forward
    put = 0.5 * (sides["put_bid"] + sides["put_ask"])
    call = 0.5 * (sides["call_bid"] + sides["call_ask"])
    terms: dict[str, Any] = {
        "forward": forward,
        "strike": strikes,
        "years": years,
        "discount": discount,
    }
    iv = implied_vol(price=np.where(is_call, call, put), right=is_call, **terms)
    call_delta = delta(iv=iv, right=Right.CALL, **terms)
    return Chain(
        trading_class=trading_class,
        expiry=expiry,
        at=at,
        forward=forward,
        years=years,
        discount=discount,
        strikes=strikes,
        put_bid=sides["put_bid"],
        put_ask=sides["put_ask"],
        call_bid=sides["call_bid"],
        call_ask=sides["call_ask"],
        put_iv=iv,
        call_iv=iv,
        put_delta=call_delta - discount,
        call_delta=call_delta,
    )
