"""Grafana: the pages of `components.monitoring.pages`, for who is used to it. It keeps nothing."""

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.health import http
from components.containers.limits import Limits
from components.monitoring import scrape
from components.monitoring.address import ALIAS, GRAFANA, GRAFANA_NAME, GRAFANA_PORT, PORT
from components.monitoring.pages import grafana, of_stack
from components.services.site import Site

USER = "472:0"
"""`grafana`, as the image has it."""
HOME = "/usr/share/grafana"
DATA = "/var/lib/grafana"
CONFIG = "/etc/jira/grafana.ini"
PAGES = "/etc/jira-dashboards"
PROVISIONING = "/etc/grafana/provisioning"
"""Where the image's own environment has it look."""
PASSWORD = "/run/secrets/grafana"  # noqa: S105 # a path
KEY = "/run/secrets/grafana-key"


class Grafana(pulumi.ComponentResource):
    """The container, served at `url`. Its database is in memory, made anew at each start out of its files.

    So it keeps nothing that is not one, and its password is always the one that it is given: a database that
    is there would keep the first.
    """

    def __init__(self, name: str, site: Site, url: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:monitoring:Grafana", name, {}, opts)
        settings = site.settings.services.grafana
        pages = grafana.files(of_stack(site.settings))
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["grafana"],
                    user=USER,
                    # Not the image's run.sh: what that does beside is for plugins and AWS.
                    entrypoint=("grafana", "server"),
                    arguments=(f"--homepath={HOME}", f"--config={CONFIG}", "--packaging=docker"),
                    # Go's heap grows to twice what is in use, and does not know of the limit.
                    environment={"GOMEMLIMIT": f"{settings.memory_mb * 4 // 5}MiB"},
                    files={
                        CONFIG: config(url),
                        f"{PROVISIONING}/datasources/metrics.yaml": grafana.datasource(
                            f"http://{ALIAS}:{PORT}", scrape.INTERVAL_SECONDS
                        ),
                        f"{PROVISIONING}/dashboards/pages.yaml": grafana.provider(PAGES),
                        **{f"{PAGES}/{file}": content for file, content in pages.items()},
                        PASSWORD: site.credentials.grafana,
                        KEY: site.credentials.grafana_key,
                    },
                    limits=Limits.of(settings),
                    tmpfs={"/tmp": "size=16m", DATA: "size=64m"},  # noqa: S108
                    networks=("edge-grafana", "metrics-grafana"),
                    aliases=(GRAFANA,),
                ),
                # A new database is some hundred steps, and takes seconds.
                health=Health(command=http(GRAFANA_PORT, "/api/health"), start_period=90, wait=180),
                release=Release(order="stop-first", grace=10),
                watched_image=site.images.tag("grafana"),
            ),
            site.runtime,
            site.networks,
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def config(url: str) -> str:
    """Its configuration, where it differs from Grafana's own.

    https://github.com/grafana/grafana/blob/v12.4.12/conf/defaults.ini
    """
    sections: dict[str, dict[str, str | int | bool]] = {
        "server": {"http_port": GRAFANA_PORT, "root_url": f"{url}/"},
        "security": {
            "admin_user": GRAFANA_NAME,
            "admin_password": f"$__file{{{PASSWORD}}}",
            "secret_key": f"$__file{{{KEY}}}",
            "cookie_secure": url.startswith("https://"),
            "disable_gravatar": True,
        },
        # The proxy has asked for the password, and hands it on.
        "auth": {"disable_signout_menu": True},
        "auth.basic": {"enabled": True},
        "auth.anonymous": {"enabled": False},
        "users": {"allow_sign_up": False},
        "dashboards": {
            "default_home_dashboard_path": f"{PAGES}/overview.json",
            "min_refresh_interval": f"{scrape.INTERVAL_SECONDS}s",
        },
        # It has no way out of the machine, and is not to look for one.
        "analytics": {
            "reporting_enabled": False,
            "check_for_updates": False,
            "check_for_plugin_updates": False,
            "feedback_links_enabled": False,
        },
        "news": {"news_feed_enabled": False},
        # Of 13 its installer would end the bundled program that asks Prometheus, to bring a newer one:
        # https://github.com/grafana/grafana/issues/131490
        "plugins": {
            "preinstall_disabled": True,
            "plugin_admin_enabled": False,
            "public_key_retrieval_disabled": True,
        },
        "snapshots": {"enabled": False},
        "public_dashboards": {"enabled": False},
        # Rules are vmalert's, whose files are tested.
        "unified_alerting": {"enabled": False},
        # Nothing is pushed to browsers.
        "live": {"max_connections": 0},
        "metrics": {"enabled": False},
        "log": {"mode": "console", "level": "warn"},
        "log.console": {"format": "json"},
    }
    return "\n".join(
        f"[{section}]\n" + "".join(f"{key} = {_word(value)}\n" for key, value in keys.items())
        for section, keys in sections.items()
    )


def _word(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
