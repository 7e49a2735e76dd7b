"""Checks: when to probe a server, how, and what its answers do to its state."""
