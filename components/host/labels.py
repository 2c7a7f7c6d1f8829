"""Names and labels of what is made at Hetzner.

Names are fixed rather than made up by Pulumi: an object that a killed `pulumi up` left behind is recognised
by its name and labels, and Hetzner's uniqueness of names refuses a second one.
"""

MANAGED_BY = "jira-plus-plus"


def prefix(stack: str) -> str:
    """What the name of every object of a stack at Hetzner begins with; valid as a host name."""
    return f"{MANAGED_BY}-{stack}"


def labels(stack: str) -> dict[str, str]:
    """The labels of every object of a stack at Hetzner."""
    return {"managed-by": MANAGED_BY, "stack": stack}
