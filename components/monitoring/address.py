"""Where the store of metrics and Grafana are, for who asks them or leads to them."""

ALIAS = "metrics"
PORT = 8428
NAME = "admin"
"""Who logs in to its interface."""
GRAFANA = "grafana"
GRAFANA_PORT = 3000
GRAFANA_NAME = "admin"
"""Who logs in to Grafana."""
