"""Where the store of metrics is, for who asks it or leads to it."""

ALIAS = "metrics"
PORT = 8428
NAME = "admin"
"""Who logs in to its interface."""
