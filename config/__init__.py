"""Presets, profiles and market tables as TOML, read through importlib.resources."""
