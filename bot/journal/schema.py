"""Tables of the journal: the event log with its inputs, and projections written in the same
transaction.

`events` is the truth. Its hash chain covers every column but `recorded_at`, the wall-clock time of
writing, which two equal runs may differ in; `seal` covers that. `inputs` holds what decisions
looked at, by the hash of its content; the events name it, so that the chain covers it too. `meta`
holds the schema's number, again beside Alembic's, and how many events were written.
"""

from sqlalchemy import (
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

SCHEMA_VERSION = "2"

METADATA = MetaData()

EVENTS = Table(
    "events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("session", String(10)),
    Column("kind", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("recorded_at", String(32), nullable=False),
    Column("seal", String(16), nullable=False),
)

INPUTS = Table(
    "inputs",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

META = Table(
    "meta",
    METADATA,
    Column("key", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

# Alembic's own table, so that a new journal is born at the present revision.
ALEMBIC_VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

RUNS = Table(
    "runs",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("version", String(40), nullable=False),
    Column("profile", String(16), nullable=False),
    Column("config_hash", String(64), nullable=False),
    Column("is_resumed", Integer, nullable=False),
)

PURSES = Table(
    "purses",
    METADATA,
    Column("strategy", String(40), primary_key=True),
    Column("cash_usd", String(40), nullable=False),
    Column("fees_usd", String(40), nullable=False),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("session", String(10), nullable=False, index=True),
    Column("at", String(40), nullable=False),
    Column("strategy", String(40), nullable=False),
    Column("moment", String(40), nullable=False),
    Column("action", String(40), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("sentence", Text, nullable=False),
)

ORDERS = Table(
    "orders",
    METADATA,
    Column("order_id", String(80), primary_key=True),
    Column("session", String(10), nullable=False, index=True),
    Column("strategy", String(40), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("campaign", String(64), nullable=False),
    Column("layer", String(16)),
    Column("legs", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("limit_credit", String(40), nullable=False),
    Column("status", String(40), nullable=False),
    Column("filled", Integer, nullable=False),
)

FILLS = Table(
    "fills",
    METADATA,
    Column("fill_id", String(120), primary_key=True),
    Column("order_id", String(80), nullable=False, index=True),
    Column("at", String(40), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("credit", String(40), nullable=False),
    Column("mid_credit", String(40)),
    Column("commission_usd", String(40), nullable=False),
    Column("exchange_fees_usd", String(40), nullable=False),
)

POSITIONS = Table(
    "positions",
    METADATA,
    Column("strategy", String(40), primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("layer", String(16), primary_key=True),
    Column("contract", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("paid_usd", String(40), nullable=False),
    Column("opened", String(10), nullable=False),
)

SETTLEMENTS = Table(
    "settlements",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("contract", String(40), nullable=False),
    Column("position", Integer, nullable=False),
    Column("value_points", String(40), nullable=False),
    Column("cash_usd", String(40), nullable=False),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("session", String(10), primary_key=True),
    Column("entry_result", String(40), nullable=False),
    Column("entry_reason", String(64), nullable=False),
    Column("condors", Integer, nullable=False),
)

HEDGE_LAYERS = Table(
    "hedge_layers",
    METADATA,
    Column("session", String(10), primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("layer", String(16), primary_key=True),
    Column("contract", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("mark_points", Float, nullable=False),
    Column("delta", Float),
    Column("value_usd", String(40), nullable=False),
)

EQUITY = Table(
    "equity",
    METADATA,
    Column("session", String(10), primary_key=True),
    Column("spx", Float, nullable=False),
    Column("vix", Float, nullable=False),
    Column("nlv_usd", String(40), nullable=False),
    Column("unhedged_nlv_usd", String(40), nullable=False),
    Column("cash_usd", String(40), nullable=False),
    Column("condor_value_usd", String(40), nullable=False),
    Column("hedge_value_usd", String(40), nullable=False),
    Column("fees_usd", String(40), nullable=False),
)

PROJECTIONS = (
    RUNS,
    DECISIONS,
    ORDERS,
    FILLS,
    POSITIONS,
    PURSES,
    SETTLEMENTS,
    SESSIONS,
    HEDGE_LAYERS,
    EQUITY,
)
