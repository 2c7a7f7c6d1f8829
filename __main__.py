"""Jira++ on one host: the stack's settings, the platform that is made of them, and what people need of it."""

from dataclasses import asdict

import pulumi

from components import sdk
from components.platform import Platform
from components.preflight import look
from components.settings import cost_per_month, load, memory_budget

sdk.spare()
settings = load(pulumi.Config())
look(settings)
platform = Platform("jira", settings)

# Where it is
pulumi.export("urls", platform.edge.urls)
pulumi.export("server_ipv4", platform.host.ipv4)
pulumi.export("server_ipv6", platform.host.ipv6)
pulumi.export("ssh", platform.host.ssh)
pulumi.export("docker_host", platform.host.docker_host)
pulumi.export("containers", platform.containers)

# What runs, once it was seen to serve; `make releases` and `make rollback` read these
pulumi.export("last_good", platform.releases.last_good)
pulumi.export("releases", platform.releases.good)
pulumi.export("canary", settings.release.canary and settings.release.canary.model_dump())

# Since when each secret is the one that it is; `make rotate` makes another
pulumi.export("rotated", platform.rotated.since)

# Who logs in; passwords are shown by `pulumi stack output --show-secrets`
for name, value in platform.logins.items():
    pulumi.export(name, value)

# What it takes
host = platform.host.settings
budget = memory_budget(host, settings.services, settings.release, settings.monitoring)
cost = cost_per_month(host)
pulumi.export("memory_budget", {**asdict(budget), "limit_mb": budget.limit_mb})
pulumi.export("cost_per_month", {"eur": cost.eur, "items": cost.items})
