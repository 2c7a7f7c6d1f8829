"""How Jira++ itself behaves in a stack."""

from typing import Literal

from components.settings.section import Section

LogLevel = Literal["debug", "info", "warn", "error"]


class Application(Section):
    """What the API, the worker and the first migration are told."""

    cors_origins: tuple[str, ...]
    graphql_playground: bool = False
    graphql_introspection: bool = False
    log_level: LogLevel = "info"
    admin_email: str
    sentry: bool = False
    seed_data: bool = False
