"""The ground floor: what is traded, when, and what it is worth; knows nothing of ours."""
