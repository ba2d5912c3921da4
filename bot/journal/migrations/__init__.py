"""Alembic's migrations: how a journal of each released schema becomes one of the present schema."""
