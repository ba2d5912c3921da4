"""Looks after a user's folder of market history: what is in it, taking files in, fetching them."""
