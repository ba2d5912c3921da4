"""Evidence: what the method claims, judged on replays of history."""
