"""Decisions as pure functions of a view: the daily iron condor and its layered VIX hedge."""
