"""Schema 1: the event log, chained, with nine projections."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

_EVENTS = (
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("session", sa.String(10)),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("recorded_at", sa.String(32), nullable=False),
)
_META = (
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


def upgrade() -> None:
    """Make what every later schema grows from; projections are made anew by each upgrade."""
    op.create_table("events", *_EVENTS)
    op.create_index("ix_events_kind", "events", ["kind"])
    op.create_table("meta", *_META)
