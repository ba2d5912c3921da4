"""The adapter for an Interactive Brokers paper account: no other package knows its library."""
