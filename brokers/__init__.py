"""Execution behind two narrow ports: the simulated exchange and Interactive Brokers paper."""
