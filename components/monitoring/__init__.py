"""Metrics of every service and of the machine, and where a person looks at them."""
