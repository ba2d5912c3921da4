"""Many replays side by side: grids of parameters over history and drawn markets."""
