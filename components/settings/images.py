"""The image of each container, as `repository:tag@sha256:digest`."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from components.settings.problem import wrong
from components.settings.section import Section

POSTGRES_MAJORS = (15, 16, 17)
"""Major versions that the scripts of database and backup know. The image of 18 declares its volume elsewhere,
and was not tried."""
_LEAST_TRAEFIK = (3, 6, 1)
"""The first that speaks to Docker 29 (https://github.com/traefik/traefik/issues/12253)."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# https://github.com/distribution/reference: lower-case path components after an optional registry host.
_REPOSITORY = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
MONITORING = ("metrics", "postgres_exporter", "node_exporter", "alerts", "alertmanager")
"""Of a stack that has metrics."""
LOGS = ("logs",)
"""Of one that keeps its logs, too."""
_EXAMPLE = "e.g. traefik:v3.6.25@sha256:<64 hexadecimal digits>"


@dataclass(frozen=True)
class Image:
    """A reference in its parts; `digest` is `sha256:…` or None."""

    repository: str
    tag: str
    digest: str | None

    @property
    def version(self) -> tuple[int, ...] | None:
        """The numbers that the tag begins with (`v3.6.25` is 3, 6, 25), or None."""
        match = re.match(r"v?(\d+(?:\.\d+)*)", self.tag)
        return tuple(map(int, match[1].split("."))) if match else None


def parse(reference: str) -> Image:
    """The parts of `reference`; raises the error of a validator if it is none or floats."""
    name, _, digest = reference.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        raise wrong("has no tag", f"name the version, {_EXAMPLE}")
    if not _REPOSITORY.fullmatch(repository) or not _TAG.fullmatch(tag):
        raise wrong("is no image reference", f"write repository:tag@digest, {_EXAMPLE}")
    if "@" in reference and not _DIGEST.fullmatch(digest):
        raise wrong("has a malformed digest", f"write sha256: and 64 hexadecimal digits, {_EXAMPLE}")
    if tag == "latest":
        raise wrong("floats: `latest` is another image tomorrow", f"name the version, {_EXAMPLE}")
    return Image(repository, tag, digest or None)


def _reference(value: str) -> str:
    parse(value)
    return value


def _postgres(value: str) -> str:
    image = parse(value)
    if postgres_major(value) not in POSTGRES_MAJORS:
        versions = ", ".join(map(str, POSTGRES_MAJORS))
        raise wrong(
            "does not say one of the major versions that this program knows how to serve and to back up",
            f"use a tag that begins with one of {versions}, e.g. postgres:15.19-bookworm",
        )
    if "alpine" in image.tag:
        raise wrong(
            "is built on musl, which sorts text otherwise than glibc: indexes on text would be corrupt",
            "use the Debian image, e.g. postgres:15.19-bookworm",
        )
    return value


def postgres_major(reference: str) -> int:
    """The major version that the tag of a database's image begins with; 0 if it begins with none."""
    version = parse(reference).version
    return version[0] if version else 0


def _traefik(value: str) -> str:
    version = parse(value).version
    if version is not None and len(version) >= 2 and version + (99,) * (3 - len(version)) < _LEAST_TRAEFIK:
        raise wrong("cannot speak to Docker 29", "use v3.6.1 or newer")
    return value


def _temporal(value: str) -> str:
    if parse(value).repository.endswith("temporalio/auto-setup"):
        raise wrong("is deprecated and sets up its schema at every start", "use temporalio/server")
    return value


def _watchtower(value: str) -> str:
    if parse(value).repository.endswith("containrrr/watchtower"):
        raise wrong(
            "is archived and fails on Docker 28 and newer", "use nickfedor/watchtower, the maintained fork"
        )
    return value


Reference = Annotated[str, AfterValidator(_reference)]


class Images(Section):
    """Full references, one a service. They have no default: the versions live in the stack files."""

    api: Reference = Field(description="image of the API and of the migration")
    worker: Reference = Field(description="image of the Temporal worker")
    web: Reference = Field(description="image of the web application")
    postgres: Annotated[str, AfterValidator(_postgres)] = Field(
        description="image of the database and its backup"
    )
    temporal: Annotated[str, AfterValidator(_temporal)] = Field(description="image of the Temporal server")
    temporal_admin_tools: Reference = Field(description="image of Temporal's schema and namespace jobs")
    temporal_ui: Reference = Field(description="image of Temporal's interface")
    traefik: Annotated[str, AfterValidator(_traefik)] = Field(description="image of the reverse proxy")
    socket_proxy: Reference = Field(description="image of HAProxy, the filter before the Docker socket")
    autoheal: Reference = Field(description="image of autoheal")
    watchtower: Annotated[str, AfterValidator(_watchtower)] = Field(description="image of watchtower")
    restic: Reference = Field(description="image of restic, which copies the dumps off the machine")
    postgres_archiving: Annotated[str, AfterValidator(_postgres)] | None = Field(
        None,
        description="image of the database and its backup with pgBackRest, made of images/postgres;"
        " required by backup.point_in_time, used by nothing else",
    )
    metrics: Reference | None = Field(
        None, description="image of VictoriaMetrics, which keeps the metrics; required by monitoring"
    )
    postgres_exporter: Reference | None = Field(
        None, description="image of the exporter of the database's metrics; required by monitoring"
    )
    node_exporter: Reference | None = Field(
        None, description="image of the exporter of the machine's metrics; required by monitoring"
    )
    alerts: Reference | None = Field(
        None, description="image of vmalert, which evaluates the rules; required by monitoring"
    )
    alertmanager: Reference | None = Field(
        None, description="image of Alertmanager, which tells of alerts; required by monitoring"
    )
    logs: Reference | None = Field(
        None, description="image of VictoriaLogs, which keeps the logs; required by monitoring.logs"
    )
    grafana: Reference | None = Field(
        None, description="image of Grafana, which shows the metrics; required by monitoring.grafana"
    )
