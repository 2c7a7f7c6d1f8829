"""The rules of alerts: vmalert asks the store of metrics, and tells Alertmanager what it finds."""

from collections.abc import Sequence
from pathlib import Path

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.health import http
from components.containers.limits import Limits
from components.monitoring import address, alertmanager
from components.services.site import Site

HERE = Path(__file__).parent
RULES = HERE / "rules"
USER = "65534:65534"
"""`nobody`: the image names no user, and its program works as any."""
FOLDER = "/etc/jira"
ALIAS = "alerts"
PORT = 8880
INTERVAL_SECONDS = 30
RESEND_SECONDS = 120
"""What fires is told again so often. Four times as long counts: then Alertmanager takes it for resolved, and
the dead man's switch gets no more calls."""


class Alerts(pulumi.ComponentResource):
    """The container. It keeps nothing: since when a condition holds is in the store (`ALERTS_FOR_STATE`)."""

    def __init__(
        self,
        name: str,
        site: Site,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:monitoring:Alerts", name, {}, opts)
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["alerts"],
                    user=USER,
                    entrypoint=("/bin/sh", f"{FOLDER}/alerts.sh", "/vmalert-prod"),
                    arguments=arguments(site.runtime.stack, FOLDER),
                    environment={"STORE": f"{STORE}/health"},
                    files={
                        f"{FOLDER}/{file.name}": file.read_text(encoding="utf-8")
                        for file in (HERE / "alerts.sh", *sorted(RULES.glob("*.yaml")))
                    },
                    limits=Limits.of(site.settings.services.alerts),
                    networks=("metrics-alerts",),
                    aliases=(ALIAS,),
                ),
                health=Health(command=http(PORT, "/health"), interval=3),
                # Two would tell everything twice; what is missed meanwhile is seen with the next look.
                release=Release(order="stop-first", grace=10),
                watched_image=site.images.tag("alerts"),
            ),
            site.runtime,
            site.networks,
            pulumi.ResourceOptions(parent=self),
            depends_on=after,  # the store: until that answers it waits
        )
        self.register_outputs({})


STORE = f"http://{address.ALIAS}:{address.PORT}"
TOLD = f"http://{alertmanager.ALIAS}:{alertmanager.PORT}"


def arguments(
    stack: str, folder: str, store: str = STORE, told: str = TOLD, port: int = PORT
) -> tuple[str, ...]:
    """The command line of a `stack` whose rules are in `folder`; `store` and `told` are base URLs.

    https://docs.victoriametrics.com/victoriametrics/vmalert/#flags
    """
    flags = {
        "rule": f"{folder}/*.yaml",
        "datasource.url": store,
        "remoteRead.url": store,
        "remoteWrite.url": store,
        "notifier.url": told,
        "external.label": f"stack={stack}",
        "evaluationInterval": f"{INTERVAL_SECONDS}s",
        "rule.resendDelay": f"{RESEND_SECONDS}s",
        "httpListenAddr": f":{port}",
        "loggerFormat": "json",
    }
    return tuple(f"-{name}={value}" for name, value in flags.items())
