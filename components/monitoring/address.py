"""Where the stores of metrics and of logs are, and Grafana, for who asks them or leads to them."""

ALIAS = "metrics"
PORT = 8428
LOGS_ALIAS = "logs"
LOGS_PORT = 9428
NAME = "admin"
"""Who logs in to their interfaces."""
GRAFANA = "grafana"
GRAFANA_PORT = 3000
GRAFANA_NAME = "admin"
"""Who logs in to Grafana."""
