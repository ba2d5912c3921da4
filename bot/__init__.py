"""Wires, schedules, records and shows: the engine, its journal, the daemon and the command line."""

__version__ = "0.1.0"
