"""The simulated exchange: a state machine without I/O, and the adapter behind the ports."""
