"""Where the stores of metrics and of logs are, for who asks them or leads to them."""

ALIAS = "metrics"
PORT = 8428
LOGS_ALIAS = "logs"
LOGS_PORT = 9428
NAME = "admin"
"""Who logs in to their interface."""
