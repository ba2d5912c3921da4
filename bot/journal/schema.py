"""Tables of the journal: the event log, and projections written in the same transaction.

`events` is the truth. Its hash chain covers every column but `recorded_at`, the wall-clock time of
writing, which two equal runs may differ in.
"""

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text

SCHEMA_VERSION = "1"

METADATA = MetaData()

EVENTS = Table(
    "events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("session", String(10)),
    Column("kind", String(32), nullable=False, index=True),
    Column("payload", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("recorded_at", String(32), nullable=False),
)

META = Table(
    "meta",
    METADATA,
    Column("key", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("session", String(10), nullable=False, index=True),
    Column("at", String(32), nullable=False),
    Column("strategy", String(16), nullable=False),
    Column("moment", String(32), nullable=False),
    Column("action", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("sentence", Text, nullable=False),
)

ORDERS = Table(
    "orders",
    METADATA,
    Column("order_id", String(64), primary_key=True),
    Column("session", String(10), nullable=False, index=True),
    Column("strategy", String(16), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("campaign", String(32), nullable=False),
    Column("layer", String(8)),
    Column("legs", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("limit_credit", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("filled", Integer, nullable=False),
)

FILLS = Table(
    "fills",
    METADATA,
    Column("fill_id", String(80), primary_key=True),
    Column("order_id", String(64), nullable=False, index=True),
    Column("at", String(32), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("credit", String(16), nullable=False),
    Column("mid_credit", String(24)),
    Column("commission_usd", String(16), nullable=False),
    Column("exchange_fees_usd", String(16), nullable=False),
)

POSITIONS = Table(
    "positions",
    METADATA,
    Column("strategy", String(16), primary_key=True),
    Column("campaign", String(32), primary_key=True),
    Column("layer", String(8), primary_key=True),
    Column("contract", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("paid_usd", String(32), nullable=False),
    Column("opened", String(10), nullable=False),
)

SETTLEMENTS = Table(
    "settlements",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("contract", String(40), nullable=False),
    Column("position", Integer, nullable=False),
    Column("value_points", String(16), nullable=False),
    Column("cash_usd", String(24), nullable=False),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("session", String(10), primary_key=True),
    Column("entry_result", String(16), nullable=False),
    Column("entry_reason", String(32), nullable=False),
    Column("condors", Integer, nullable=False),
)

HEDGE_LAYERS = Table(
    "hedge_layers",
    METADATA,
    Column("session", String(10), primary_key=True),
    Column("campaign", String(32), primary_key=True),
    Column("layer", String(8), primary_key=True),
    Column("contract", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("mark_points", Float, nullable=False),
    Column("delta", Float),
    Column("value_usd", String(24), nullable=False),
)

EQUITY = Table(
    "equity",
    METADATA,
    Column("session", String(10), primary_key=True),
    Column("spx", Float, nullable=False),
    Column("vix", Float, nullable=False),
    Column("nlv_usd", String(24), nullable=False),
    Column("unhedged_nlv_usd", String(24), nullable=False),
    Column("cash_usd", String(24), nullable=False),
    Column("condor_value_usd", String(24), nullable=False),
    Column("hedge_value_usd", String(24), nullable=False),
    Column("fees_usd", String(24), nullable=False),
)
