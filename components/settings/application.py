"""How Jira++ itself behaves in a stack."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.settings.email import Email
from components.settings.problem import wrong
from components.settings.section import Section
from components.settings.text import matching

LogLevel = Literal["debug", "info", "warn", "error"]

_ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?")
_EXAMPLE = "write the scheme and the host alone, e.g. https://app.example.com"


def _origin(value: str) -> str:
    if value == "*":
        raise wrong(
            "lets every site call the API with the user's session", "list the web application's origin"
        )
    if not value.startswith(("https://", "http://")):
        raise wrong("is no origin", _EXAMPLE)
    if not _ORIGIN.fullmatch(value):
        raise wrong("is more than an origin, or no origin, so no browser ever sends it", _EXAMPLE)
    scheme, _, rest = value.partition("://")
    host, _, port = rest.partition(":")
    if port == {"http": "80", "https": "443"}[scheme]:
        raise wrong("names its scheme's own port, which browsers leave out", f"write {scheme}://{host}")
    if port and not 1 <= int(port) <= 65535:
        raise wrong("has a port that is none", "write one from 1 to 65535")
    return value


class Application(Section):
    """What the API, the worker and the first migration are told."""

    cors_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        description="origins that may call the API from a browser"
    )
    graphql_playground: bool = Field(False, description="serves the playground; kind local only")
    graphql_introspection: bool = Field(False, description="answers introspection; kind local only")
    log_level: LogLevel = Field("info", description="least level that is logged")
    admin_email: Email = Field(
        description="the first user; the password is the stack output `admin_password`"
    )
    sentry: bool = Field(
        False,
        description="sends errors of API, worker and web to Sentry, with the stack and the image's digest; "
        "needs the secret `sentry_dsn`",
    )
    otlp_endpoint: (
        Annotated[
            str,
            matching(
                r"https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?",
                "is no address of a receiver",
                "write where OTLP over HTTP is taken, without /v1/traces, e.g. https://otlp.example.com:4318",
            ),
        ]
        | None
    ) = Field(
        None,
        description="sends traces of API and worker there, by OTLP over HTTP; what it wants in a header is "
        "the secret `otlp_headers`",
    )
    seed_data: bool = Field(False, description="fills an empty database with sample projects")
