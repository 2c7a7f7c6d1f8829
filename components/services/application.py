"""What the processes of Jira++ have in common: environment, secrets, health, the way they are replaced."""

from collections.abc import Mapping

import pulumi

from components.containers import ContainerArgs, Health, Mount, Process, Release
from components.containers.health import node_http
from components.containers.limits import Limits
from components.services.site import Site
from components.services.temporal import PORT as TEMPORAL_PORT
from components.settings import secret
from components.settings.development import Source
from components.settings.services import Application

USER = "1000:1000"
"""`node` in the official images."""
READY = "/ready"
"""Where API and worker answer with 200 while they reach the database and Temporal."""
TASK_QUEUE = "jira"
END_SECONDS = 20
"""Between the drain's end and the kill: for what is in flight, and for closing the database's pool."""


def environment(site: Site) -> dict[str, str]:
    """What every process of the application is told that reaches the database."""
    settings = site.settings.application
    return {
        **sentry_environment(site),
        "ADMIN_EMAIL": settings.admin_email,
        "ENVIRONMENT": site.runtime.stack,
        "LOG_LEVEL": settings.log_level,
        "NODE_ENV": "production",
        "TEMPORAL_ADDRESS": f"temporal:{TEMPORAL_PORT}",
        "TEMPORAL_NAMESPACE": site.settings.services.temporal.namespace,
        "TEMPORAL_TASK_QUEUE": TASK_QUEUE,
    }


def secrets(site: Site, database_url: pulumi.Output[str]) -> dict[str, pulumi.Input[str]]:
    """What every process that reaches the database is given.

    Beside the program's own on a developer's machine what is in their file of variables, none of which is one
    of these (see `components.settings.env_file`).
    """
    credentials = site.credentials
    return {
        **{name: pulumi.Output.secret(value) for name, value in site.variables.items()},
        "DATABASE_URL": database_url,
        "SESSION_SECRET": credentials.session_secret,
        "ADMIN_PASSWORD": credentials.admin,
    }


def sentry_environment(site: Site) -> dict[str, str]:
    """Which stack an error is of, by the variable that Sentry's SDKs read themselves."""
    return {"SENTRY_ENVIRONMENT": site.runtime.stack} if site.settings.application.sentry else {}


def sentry(site: Site, image: str) -> dict[str, pulumi.Input[str]]:
    """Where errors go, and which release of the image they are of: `SENTRY_DSN` and `SENTRY_RELEASE`.

    Sentry's SDKs read both from the environment. Files, because the one is a secret and the other is known
    once the image has been pulled.
    """
    if not site.settings.application.sentry:
        return {}
    return {
        "SENTRY_DSN": pulumi.Config().require_secret("sentry_dsn"),
        "SENTRY_RELEASE": site.images.digest(image),
    }


def traces_environment(site: Site, service: str) -> dict[str, str]:
    """Where traces go, by the variables of OpenTelemetry's SDKs, which send nothing else there.

    https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    """
    endpoint = site.settings.application.otlp_endpoint
    if endpoint is None:
        return {}
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": f"jira-plus-plus-{service}",
        "OTEL_TRACES_EXPORTER": "otlp",
    }


def traces(site: Site, image: str) -> dict[str, pulumi.Input[str]]:
    """What traces are marked with, and what lets them in, where the receiver wants something."""
    if site.settings.application.otlp_endpoint is None:
        return {}
    marks = f"deployment.environment.name={site.runtime.stack},service.version="
    headers = secret(pulumi.Config(), "otlp_headers")
    return {
        "OTEL_RESOURCE_ATTRIBUTES": site.images.digest(image).apply(lambda digest: f"{marks}{digest}"),
        **({"OTEL_EXPORTER_OTLP_HEADERS": headers} if headers is not None else {}),
    }


def serving(
    site: Site,
    service: Application,
    *,
    image: str,
    networks: tuple[str, ...],
    alias: str,
    environment: Mapping[str, str],
    secrets: Mapping[str, pulumi.Input[str]],
    ready: tuple[str, ...] = (),
    drains_itself: bool = True,
) -> ContainerArgs:
    """A process of Jira++ that serves, and is replaced without a gap. What does not drain the shim drains.

    `image` is its name among the images.

    `ready` are the paths that have to answer with 200 before a release counts as good; `/health` does later.

    On a developer's machine it may run from their sources, with a command that watches them.
    """
    source: Source | None = getattr(site.settings.development.sources, image, None)  # a canary has none
    sources = (Mount(source=str(source.folder), target=source.target, read_only=True),) if source else ()
    return ContainerArgs(
        process=Process(
            image=site.images[image],
            user=USER,
            entrypoint=source.command if source else service.command,
            environment={
                **environment,
                "PORT": str(service.port),
                **({"DRAIN_SECONDS": str(service.drain_seconds)} if drains_itself else {}),
            },
            secrets={**secrets, **sentry(site, image)},
            limits=Limits.of(service),
            networks=networks,
            aliases=(alias,),
            mounts=sources,
            drain_seconds=0 if drains_itself else service.drain_seconds,
        ),
        health=Health(command=node_http(service.port, ready), start_period=60, once=bool(ready)),
        release=Release(order="cutover", grace=service.drain_seconds + END_SECONDS),
        # A mistake in the sources is the developer's to mend: the command waits for the next change.
        autoheal=source is None,
    )
