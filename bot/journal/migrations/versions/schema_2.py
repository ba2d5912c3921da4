"""Schema 2: seals over the time of writing, inputs of decisions, runs, purses; projections anew."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"

ROWS_AT_ONCE = 1000
_OLD_PROJECTIONS = (
    "decisions",
    "orders",
    "fills",
    "positions",
    "settlements",
    "sessions",
    "hedge_layers",
    "equity",
)
_TABLES: dict[str, tuple[sa.Column[object], ...]] = {
    "runs": (
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("profile", sa.String(16), nullable=False),
        sa.Column("config_hash", sa.String(64), nullable=False),
        sa.Column("is_resumed", sa.Integer, nullable=False),
    ),
    "decisions": (
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("session", sa.String(10), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("strategy", sa.String(40), nullable=False),
        sa.Column("moment", sa.String(40), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
    ),
    "orders": (
        sa.Column("order_id", sa.String(80), primary_key=True),
        sa.Column("session", sa.String(10), nullable=False),
        sa.Column("strategy", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("campaign", sa.String(64), nullable=False),
        sa.Column("layer", sa.String(16)),
        sa.Column("legs", sa.Text, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("limit_credit", sa.String(40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("filled", sa.Integer, nullable=False),
    ),
    "fills": (
        sa.Column("fill_id", sa.String(120), primary_key=True),
        sa.Column("order_id", sa.String(80), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("credit", sa.String(40), nullable=False),
        sa.Column("mid_credit", sa.String(40)),
        sa.Column("commission_usd", sa.String(40), nullable=False),
        sa.Column("exchange_fees_usd", sa.String(40), nullable=False),
    ),
    "positions": (
        sa.Column("strategy", sa.String(40), primary_key=True),
        sa.Column("campaign", sa.String(64), primary_key=True),
        sa.Column("layer", sa.String(16), primary_key=True),
        sa.Column("contract", sa.String(40), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("paid_usd", sa.String(40), nullable=False),
        sa.Column("opened", sa.String(10), nullable=False),
    ),
    "purses": (
        sa.Column("strategy", sa.String(40), primary_key=True),
        sa.Column("cash_usd", sa.String(40), nullable=False),
        sa.Column("fees_usd", sa.String(40), nullable=False),
    ),
    "settlements": (
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("contract", sa.String(40), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("value_points", sa.String(40), nullable=False),
        sa.Column("cash_usd", sa.String(40), nullable=False),
    ),
    "sessions": (
        sa.Column("session", sa.String(10), primary_key=True),
        sa.Column("entry_result", sa.String(40), nullable=False),
        sa.Column("entry_reason", sa.String(64), nullable=False),
        sa.Column("condors", sa.Integer, nullable=False),
    ),
    "hedge_layers": (
        sa.Column("session", sa.String(10), primary_key=True),
        sa.Column("campaign", sa.String(64), primary_key=True),
        sa.Column("layer", sa.String(16), primary_key=True),
        sa.Column("contract", sa.String(40), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("mark_points", sa.Float, nullable=False),
        sa.Column("delta", sa.Float),
        sa.Column("value_usd", sa.String(40), nullable=False),
    ),
    "equity": (
        sa.Column("session", sa.String(10), primary_key=True),
        sa.Column("spx", sa.Float, nullable=False),
        sa.Column("vix", sa.Float, nullable=False),
        sa.Column("nlv_usd", sa.String(40), nullable=False),
        sa.Column("unhedged_nlv_usd", sa.String(40), nullable=False),
        sa.Column("cash_usd", sa.String(40), nullable=False),
        sa.Column("condor_value_usd", sa.String(40), nullable=False),
        sa.Column("hedge_value_usd", sa.String(40), nullable=False),
        sa.Column("fees_usd", sa.String(40), nullable=False),
    ),
    "inputs": (
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    ),
}
_INDICES = (
    ("decisions", "session"),
    ("orders", "session"),
    ("fills", "order_id"),
)


def upgrade() -> None:
    """Seal the events, and make the other tables anew: empty ones, to be filled from the events."""
    op.drop_index("ix_events_kind", "events")
    op.add_column("events", sa.Column("seal", sa.String(16)))
    _seal(op.get_bind())
    with op.batch_alter_table("events") as events:
        events.alter_column("seal", existing_type=sa.String(16), nullable=False)
    for name in _OLD_PROJECTIONS:
        op.execute(f"DROP TABLE IF EXISTS {name}")
    for name, columns in _TABLES.items():
        op.create_table(name, *columns)
    for table, column in _INDICES:
        op.create_index(f"ix_{table}_{column}", table, [column])
    op.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")


def _seal(connection: sa.Connection) -> None:
    last = 0
    page = sa.text(
        "SELECT seq, hash, recorded_at FROM events WHERE seq > :last ORDER BY seq LIMIT :rows"
    )
    change = sa.text("UPDATE events SET seal = :seal WHERE seq = :seq")
    while rows := connection.execute(page, {"last": last, "rows": ROWS_AT_ONCE}).all():
        connection.execute(
            change, [{"seq": row.seq, "seal": _seal_of(row.hash, row.recorded_at)} for row in rows]
        )
        last = rows[-1].seq


def _seal_of(row_hash: str, recorded_at: str) -> str:
    return hashlib.sha256(f"{row_hash}\x1f{recorded_at}".encode()).hexdigest()[:16]
