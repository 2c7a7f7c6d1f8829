"""What the server of a stack runs, told where it ages or is not what the settings ask for."""

AGEING = {"debian-12": "Debian's regular security support of it ended in June 2026, LTS ends in June 2028"}
"""Of images that are still taken, what is to be known of their end (https://wiki.debian.org/LTS)."""
SUCCESSOR = "debian-13"


def notice(running: str, wanted: str, stack: str) -> str | None:
    """What a preview says of a server that runs `running` while `host.image` is `wanted`; None: nothing."""
    if running == wanted and running not in AGEING:
        return None
    target = SUCCESSOR if running == wanted else wanted
    why = AGEING.get(running, f"host.image is {wanted}, which a server that exists does not take on")
    first = f"set host.image to {target} in Pulumi.{stack}.yaml, then " if target != wanted else ""
    return (
        f"the server of {stack} runs {running}: {why}; {first}`make replace STACK={stack}` makes it anew "
        f"with {target}, with minutes of downtime (docs/runbook.md); its data and its addresses stay"
    )
