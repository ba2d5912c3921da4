"""The append-only journal of events and the projections that people query. SQL lives only here."""
