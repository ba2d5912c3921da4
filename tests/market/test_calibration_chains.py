"""Real chains as they come: parity forwards, doubled strikes, late times, condors on them."""

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

from market.calibration.chains import Snapshot, read_snapshots
from market.calibration.condors import condor_errors
from market.errors import HistoryError
from market.instruments import Right, TradingClass
from market.pricing import price
from market.sessions import SessionCalendar

FORWARD, STRIKES = 2765.0, np.arange(2600.0, 2900.0, 5.0)


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(2018, 1, 2), date(2018, 12, 31))


def written(tmp_path: Path, columns: str = "*", doubled: str = "", stamp: str = "") -> Path:
    """Write the chain of Monday 5 February as of the Friday before, spot an hour old."""
    rows = []
    for right in (Right.CALL, Right.PUT):
        fair = price(forward=FORWARD, strike=STRIKES, years=3 / 365, iv=0.15, right=right)
        for strike, value in zip(STRIKES.tolist(), fair.tolist(), strict=True):
            row = f"(DATE '2018-02-02', '{stamp}', 'SPXW', 2750.0, DATE '2018-02-05', {strike}"
            rows.append(f"{row}, '{right.value}', {value - 0.05}, {value + 0.05})")
    path = tmp_path / "chains.parquet"
    names = 'quote_date, as_of_et, root, spot, expiry, strike, "right", bid, ask'
    table = f"(VALUES {', '.join(rows)}) AS t({names})"
    query = f"SELECT {columns} FROM {table}"
    if doubled:
        query += f" UNION ALL SELECT {columns} FROM {table} WHERE {doubled}"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def read(path: Path, calendar: SessionCalendar) -> Snapshot:
    (snapshot,) = read_snapshots(path, calendar, lambda _at: 0.0)
    return snapshot


def test_moneyness_is_measured_from_the_parity_forward_and_not_the_stale_spot(
    tmp_path: Path, calendar: SessionCalendar
) -> None:
    snapshot = read(written(tmp_path), calendar)

    (chain,) = snapshot.chains
    assert (snapshot.name, snapshot.underlying, snapshot.spot) == ("2018-02-02", "SPX", 2750.0)
    assert (chain.trading_class, chain.expiry) == (TradingClass.SPXW, date(2018, 2, 5))
    assert chain.forward == pytest.approx(FORWARD, abs=1e-6)
    at_money = chain.call_iv[np.abs(STRIKES - FORWARD) < 20]
    assert np.allclose(at_money, 0.15, atol=0.002)


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("2018-02-02 EOD", datetime(2018, 2, 2, 21, 15, tzinfo=UTC)),
        ("2018-02-02 13:40", datetime(2018, 2, 2, 18, 40, tzinfo=UTC)),
        ("2018-02-04 10:52", datetime(2018, 2, 2, 21, 15, tzinfo=UTC)),
        ("2018-02-02 20:47", datetime(2018, 2, 2, 21, 15, tzinfo=UTC)),
    ],
    ids=["no time", "in the session", "two days later", "that night"],
)
def test_a_snapshot_is_never_later_than_the_close_of_its_options(
    tmp_path: Path, calendar: SessionCalendar, stamp: str, at: datetime
) -> None:
    snapshot = read(written(tmp_path, stamp=stamp), calendar)

    assert snapshot.at == at
    assert snapshot.name == (stamp if stamp.startswith("2018-02-02") else f"2018-02-02 {stamp}")


def test_strikes_that_stand_twice_are_left_out(tmp_path: Path, calendar: SessionCalendar) -> None:
    (chain,) = read(written(tmp_path, doubled="strike < 2700"), calendar).chains

    assert chain.strikes.min() == 2700.0


def test_a_chain_of_one_right_alone_is_left_out_with_its_reason(
    tmp_path: Path, calendar: SessionCalendar
) -> None:
    path = tmp_path / "puts.parquet"
    with duckdb.connect() as connection:
        source = written(tmp_path)
        connection.execute(
            f"COPY (SELECT * FROM '{source}' WHERE \"right\" = 'P') TO '{path}' (FORMAT parquet)"
        )

    snapshot = read(path, calendar)

    assert (snapshot.chains, dict(snapshot.left_out)) == (
        (),
        {"no strike with both sides quoted": 1},
    )


def test_a_missing_column_is_named(tmp_path: Path, calendar: SessionCalendar) -> None:
    path = written(tmp_path, columns='quote_date, spot, expiry, strike, "right", bid')

    with pytest.raises(HistoryError, match=r"^chains\.parquet misses the column ask; add it\.$"):
        read_snapshots(path, calendar, lambda _at: 0.0)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ("* REPLACE (strike::VARCHAR AS strike)", "strike holds VARCHAR; write it as numbers"),
        ("* REPLACE (expiry::VARCHAR AS expiry)", "expiry holds VARCHAR; write it as dates"),
        ("* REPLACE (NULL::DATE AS expiry)", "holds no option with a date, an expiry"),
        ("* REPLACE ('X' AS \"right\")", "and a right of C or P"),
    ],
    ids=["strikes as text", "dates as text", "no expiries", "unknown rights"],
)
def test_a_column_of_the_wrong_kind_is_told_in_one_sentence(
    tmp_path: Path, calendar: SessionCalendar, columns: str, sentence: str
) -> None:
    path = written(tmp_path, columns=columns)

    with pytest.raises(HistoryError, match=sentence) as told:
        read_snapshots(path, calendar, lambda _at: 0.0)

    assert str(told.value).startswith("chains.parquet")


@pytest.mark.parametrize(
    ("stale", "is_stale"),
    [("NULL::BOOLEAN", False), ("'False'", False), ("'True'", True), ("1", True)],
)
def test_a_spot_is_stale_where_the_file_says_so_and_nowhere_else(
    tmp_path: Path, calendar: SessionCalendar, stale: str, is_stale: bool
) -> None:
    path = written(tmp_path, columns=f"*, {stale} AS stale_underlying", stamp="2018-02-02 13:40")

    assert read(path, calendar).is_stale is is_stale


def test_an_ask_without_end_is_no_quote(tmp_path: Path, calendar: SessionCalendar) -> None:
    endless = "* REPLACE (if(strike < 2700, 'inf'::DOUBLE, ask) AS ask)"

    (chain,) = read(written(tmp_path, columns=endless), calendar).chains

    assert chain.forward == pytest.approx(FORWARD, abs=1e-6)
    assert chain.strikes[~np.isnan(chain.call_iv)].min() == 2700.0


def test_without_a_spot_the_strikes_tell_the_underlying(
    tmp_path: Path, calendar: SessionCalendar
) -> None:
    snapshot = read(written(tmp_path, columns="* REPLACE (NULL::DOUBLE AS spot)"), calendar)

    assert snapshot.underlying == "SPX"
    assert snapshot.chains[0].forward == pytest.approx(FORWARD, abs=1e-6)


def test_a_model_that_agrees_has_no_condor_error(tmp_path: Path, calendar: SessionCalendar) -> None:
    (chain,) = read(written(tmp_path), calendar).chains

    found = condor_errors(chain, chain)

    assert [condor.target_points for condor in found] == [0.70, 1.15, 1.60]
    assert {condor.error_points for condor in found} == {0.0}
    assert all(condor.is_within for condor in found)
    for condor in found:
        assert condor.target_points <= condor.real_credit_points < condor.target_points + 0.1
        assert condor.short_put_strike < FORWARD < condor.short_call_strike


@pytest.mark.parametrize("spot", ["0.0", "-5.0", "5.0"])
def test_a_spot_that_cannot_be_does_not_make_spx_a_vix(
    tmp_path: Path, calendar: SessionCalendar, spot: str
) -> None:
    snapshot = read(written(tmp_path, columns=f"* REPLACE ({spot}::DOUBLE AS spot)"), calendar)

    assert snapshot.underlying == "SPX"
    assert snapshot.chains[0].forward == pytest.approx(FORWARD, abs=1e-6)


def test_roots_tell_spx_and_vix_of_one_snapshot_apart(
    tmp_path: Path, calendar: SessionCalendar
) -> None:
    path = tmp_path / "both.parquet"
    with duckdb.connect() as connection:
        source = written(tmp_path)
        columns = "'VIX' AS root, 17.3 AS spot, DATE '2018-02-14' AS expiry, strike / 150 AS strike"
        vix = f"SELECT * REPLACE ({columns}, bid / 150 AS bid, ask / 150 AS ask) FROM '{source}'"
        query = f"SELECT * FROM '{source}' UNION ALL {vix}"
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")

    found = read_snapshots(path, calendar, lambda _at: 0.0)

    assert [(one.underlying, one.spot, len(one.chains)) for one in found] == [
        ("SPX", 2750.0, 1),
        ("VIX", 17.3, 1),
    ]
    assert found[1].chains[0].trading_class is TradingClass.VIX
    assert found[1].chains[0].forward == pytest.approx(FORWARD / 150, abs=1e-6)


def test_roots_and_rights_that_are_numbers_are_no_riddle(
    tmp_path: Path, calendar: SessionCalendar
) -> None:
    snapshot = read(written(tmp_path, columns="* REPLACE (5 AS root)"), calendar)

    assert (snapshot.underlying, dict(snapshot.left_out)) == ("SPX", {"trades no more": 1})
    with pytest.raises(HistoryError, match=r"and a right of C or P\.$"):
        read(written(tmp_path, columns='* REPLACE (1 AS "right")'), calendar)
