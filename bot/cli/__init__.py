"""The command line: thin commands over the same parts that the daemon uses."""
