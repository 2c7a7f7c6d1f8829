"""A developer's variables: the file `development.env_file`, whose values all count as secret."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.settings.development import Development, located
from components.settings.host import Host
from components.settings.problem import NOT_SHOWN, Problem

OURS = re.compile(r"PULUMI_.*|HCLOUD_TOKEN|CLOUDFLARE_API_TOKEN")
"""The engine's and the providers', which the file may hold for the shell, are for no container."""
GIVEN: Mapping[str, str] = {
    "ADMIN_EMAIL": "application.admin_email",
    "ADMIN_PASSWORD": "",
    "CORS_ORIGINS": "application.cors_origins",
    "DATABASE_URL": "",
    "DRAIN_SECONDS": "services.<service>.drain_seconds",
    "ENVIRONMENT": "",
    "GRAPHQL_INTROSPECTION": "application.graphql_introspection",
    "GRAPHQL_PLAYGROUND": "application.graphql_playground",
    "LOG_LEVEL": "application.log_level",
    "NODE_ENV": "",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "application.otlp_endpoint",
    "OTEL_EXPORTER_OTLP_HEADERS": "application.otlp_endpoint and the secret otlp_headers",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "",
    "OTEL_LOGS_EXPORTER": "",
    "OTEL_METRICS_EXPORTER": "",
    "OTEL_RESOURCE_ATTRIBUTES": "",
    "OTEL_SERVICE_NAME": "",
    "OTEL_TRACES_EXPORTER": "",
    "PORT": "services.<service>.port",
    "SEED_DATA": "application.seed_data",
    "SENTRY_DSN": "application.sentry and the secret sentry_dsn",
    "SENTRY_ENVIRONMENT": "",
    "SENTRY_RELEASE": "",
    "SESSION_SECRET": "",
    "TEMPORAL_ADDRESS": "",
    "TEMPORAL_NAMESPACE": "services.temporal.namespace",
    "TEMPORAL_TASK_QUEUE": "",
}
"""What the program gives the application itself, and the setting that it comes from, if any."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Line:
    """A statement of the file and the line that it starts at; `name` is None where it is none."""

    number: int
    name: str | None
    value: str


def variables(host: Host, development: Development) -> dict[str, str]:
    """The developer's variables; none on a server, and none where the file is not there."""
    if host.kind != "local" or not located(development.env_file).exists():
        return {}
    return {line.name: line.value for line in _lines(development.env_file) if line.name}


def mistakes(development: Development) -> Iterator[Problem]:
    """What is wrong with the file. Its values are never shown."""
    file = development.env_file
    if not located(file).exists():
        if "env_file" in development.model_fields_set:
            yield Problem(
                "development.env_file",
                f'"{file}"',
                "is no file",
                "make it, with lines NAME=value as .env.template shows, or remove the setting",
            )
        return
    try:
        lines = list(_lines(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text in UTF-8"
        yield Problem("development.env_file", f'"{file}"', f"cannot be read ({reason})", "make it readable")
        return
    for line in lines:
        place = f"{file}:{line.number}"
        if line.name is None:
            yield Problem(place, NOT_SHOWN, "is no variable", "write NAME=value, or # before a comment")
        elif line.name in GIVEN:
            setting = GIVEN[line.name]
            remedy = "remove the line" + (f", and set {setting} in the stack file" if setting else "")
            yield Problem(place, line.name, "is given by the program itself", remedy)


def _lines(file: str) -> Iterator[Line]:
    from dotenv.parser import parse_stream  # only who has such a file pays for it

    with located(file).open(encoding="utf-8") as stream:
        for binding in parse_stream(stream):
            # What was parsed begins with the blank lines before it.
            before = re.match(r"\s*", binding.original.string)
            number = binding.original.line + (before[0].count("\n") if before else 0)
            if binding.error or (
                binding.key is not None and (binding.value is None or not _NAME.fullmatch(binding.key))
            ):
                yield Line(number, None, "")
            elif binding.key is not None and not OURS.fullmatch(binding.key):
                yield Line(number, binding.key, binding.value or "")
