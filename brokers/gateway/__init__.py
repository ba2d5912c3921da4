"""A stand-in for the TWS gateway: the wire protocol in front of the simulated exchange."""
