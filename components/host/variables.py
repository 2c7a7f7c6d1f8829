"""Variables of the environment by which a run tells the program what it alone knows of the server."""

REFUSED = "JIRA_PLUS_PLUS_REFUSED_SERVER_TYPES"
"""The types, by comma, that Hetzner has refused in this run of the runner."""
ANEW = "JIRA_PLUS_PLUS_SERVER_ANEW"
"""Set where the run makes the server anew."""
