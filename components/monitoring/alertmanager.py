"""Alertmanager: what belongs together is one message, and somebody gets it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.health import http
from components.containers.limits import Limits
from components.containers.storage import Storage
from components.services.site import Site
from components.settings.notifications import Mail, Notifications

HERE = Path(__file__).parent
USER = "65534:65534"
"""`nobody`, as the image has it."""
FOLDER = "/etc/jira"
DATA = "/alertmanager"
"""The image declares a volume there."""
ALIAS = "alertmanager"
PORT = 9093

SECRETS = {
    "slack": "slack_webhook",
    "smtp": "smtp_password",
    "heartbeat": "heartbeat_url",
}
"""What is told by a file of that name in `FOLDER`, and the stack's secret that is in it."""


class Alertmanager(pulumi.ComponentResource):
    """The container. Its data, silences and what was told, outlive it and a machine that is replaced."""

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:monitoring:Alertmanager", name, {}, opts)
        notifications = site.settings.notifications
        child = pulumi.ResourceOptions(parent=self)
        if pulumi.runtime.is_dry_run() and not notifications.tells:
            pulumi.log.warn(
                "notifications: neither slack nor email is set, so nobody is told of alerts; they are in the "
                "interface of metrics, and in `make status`",
                self,
            )
        data = Storage(
            f"{name}-data",
            site.runtime,
            site.runtime.kept("alertmanager"),
            USER,
            site.images["alertmanager"],
            child,
        )
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["alertmanager"],
                    user=USER,
                    entrypoint=("/bin/alertmanager",),
                    arguments=arguments(FOLDER, DATA),
                    files={
                        f"{FOLDER}/alertmanager.json": json.dumps(
                            configuration(notifications, FOLDER), indent=2
                        )
                        + "\n",
                        f"{FOLDER}/messages.tmpl": (HERE / "messages.tmpl").read_text(encoding="utf-8"),
                        **secrets(notifications),
                    },
                    limits=Limits.of(site.settings.services.alertmanager),
                    networks=("metrics-alerts", *(("egress",) if ways_out(notifications) else ())),
                    aliases=(ALIAS,),
                    mounts=(data.mount(DATA),),
                ),
                health=Health(command=http(PORT, "/-/healthy"), interval=3),
                # Two with one folder would each tell everything.
                release=Release(order="stop-first", grace=10),
                watched_image=site.images.tag("alertmanager"),
            ),
            site.runtime,
            site.networks,
            child,
        )
        self.register_outputs({})


def ways_out(notifications: Notifications) -> tuple[str, ...]:
    """Which of `SECRETS` and mail there are."""
    there = {
        "slack": notifications.slack,
        "smtp": notifications.email is not None,
        "heartbeat": notifications.heartbeat,
    }
    return tuple(name for name, wanted in there.items() if wanted)


def secrets(notifications: Notifications) -> dict[str, pulumi.Input[str]]:
    """The files with what is secret: its program reads them, and nothing else has them."""
    wanted = [
        name
        for name in ways_out(notifications)
        if name != "smtp" or (notifications.email and notifications.email.username)
    ]
    config = pulumi.Config()
    return {f"{FOLDER}/{name}": config.require_secret(SECRETS[name]) for name in wanted}


def arguments(folder: str, data: str, port: int = PORT) -> tuple[str, ...]:
    """The command line, with the configuration in `folder` and what is kept in `data`."""
    flags = {
        "config.file": f"{folder}/alertmanager.json",
        "storage.path": data,
        "web.listen-address": f":{port}",
        "cluster.listen-address": "",  # there is no other one
        "log.format": "json",
    }
    return tuple(f"--{name}={value}" for name, value in flags.items())


# ── what it is told

FOLLOWS: Mapping[str, tuple[str, ...]] = {
    # By the first the others come about; in ten minutes they are back, or are told.
    "HostRebooted": (
        "NotMeasured",
        "ServiceDown",
        "ContainerRestarting",
        "PostgresDown",
        "RequestsFail",
        "ApiSlow",
        "QueueWaits",
    ),
    "PostgresDown": (
        "PostgresConnections",
        "ServiceDown",
        "RequestsFail",
        "ApiSlow",
        "QueueWaits",
    ),
}
"""By the name of an alert, those that say nothing new while it fires."""
FOLLOWS_WITHIN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ContainerOutOfMemory": ("service", ("ContainerRestarting",)),
    "ServiceDown": ("service", ("ContainerRestarting", "QueueWaits")),
    "DiskLow": ("disk", ("DiskFullSoon",)),
    "PostgresDown": ("job", ("NotMeasured",)),
}
"""The same where a label is the same, too: of the same service, disk or job."""

PAGE = {"group_wait": "20s", "group_interval": "1m", "repeat_interval": "4h"}
"""Somebody is to get up. What fails within so many seconds is one message; whatever the channel has not taken
is tried again each minute."""
TICKET = {"group_wait": "1m", "group_interval": "5m", "repeat_interval": "1d"}
"""For the next day."""
HEARTBEAT = {"group_wait": "0s", "group_interval": "1m", "repeat_interval": "2m30s"}
"""A call each three minutes, where the switch waits for one in five."""


def configuration(notifications: Notifications, folder: str) -> dict[str, Any]:
    """The configuration, whose files are in `folder`.

    https://prometheus.io/docs/alerting/latest/configuration/ (0.34). What Slack answers with 429 is not sent
    again at once, but, as all that was not sent, with the group's next turn (notify/slack/slack.go,
    dispatch/dispatch.go).
    """
    people: dict[str, Any] = {"name": "people"}
    if notifications.slack:
        people["slack_configs"] = [slack(folder)]
    if notifications.email:
        people["email_configs"] = [email(notifications.email, folder)]
    heartbeat: dict[str, Any] = {"name": "heartbeat"}
    if notifications.heartbeat:
        heartbeat["webhook_configs"] = [{"url_file": f"{folder}/heartbeat", "send_resolved": False}]
    return {
        "templates": [f"{folder}/messages.tmpl"],
        "route": {
            "receiver": "people",
            "group_by": ["stack", "severity", "alertname"],
            **TICKET,
            "routes": [
                {"matchers": ['alertname="Watchdog"'], "receiver": "heartbeat", **HEARTBEAT},
                {"matchers": ['severity="page"'], "receiver": "people", **PAGE},
            ],
        },
        "inhibit_rules": inhibitions(),
        "receivers": [people, heartbeat],
    }


def inhibitions() -> list[dict[str, Any]]:
    """Which alerts are silent while another fires; of the same stack."""

    def rule(source: str, targets: tuple[str, ...], *equal: str) -> dict[str, Any]:
        return {
            "source_matchers": [f'alertname="{source}"'],
            "target_matchers": [f'alertname=~"{"|".join(targets)}"'],
            "equal": ["stack", *equal],
        }

    return [rule(source, targets) for source, targets in FOLLOWS.items()] + [
        rule(source, targets, label) for source, (label, targets) in FOLLOWS_WITHIN.items()
    ]


def slack(folder: str) -> dict[str, Any]:
    """A message to an incoming webhook."""
    return {
        "api_url_file": f"{folder}/slack",
        "send_resolved": True,
        "color": '{{ template "told.colour" . }}',
        "title": '{{ template "told.title" . }}',
        "title_link": "",  # its own page, which nobody can reach
        "fallback": '{{ template "told.title" . }}',
        "text": '{{ template "told.slack" . }}',
        "mrkdwn_in": ["text"],
    }


def email(mail: Mail, folder: str) -> dict[str, Any]:
    """The same as a mail, of text alone."""
    login = {"auth_username": mail.username, "auth_password_file": f"{folder}/smtp"} if mail.username else {}
    return {
        "to": mail.to,
        "from": mail.sender,
        "smarthost": f"{mail.smtp_host}:{mail.smtp_port}",
        **login,
        "require_tls": mail.smtp_port != IMPLICIT_TLS,
        "send_resolved": True,
        "headers": {"Subject": '{{ template "told.title" . }}'},
        "html": "",
        "text": '{{ template "told.text" . }}',
    }


IMPLICIT_TLS = 465
"""On this port there is nothing but TLS, and no STARTTLS to ask for (notify/email/email.go)."""
