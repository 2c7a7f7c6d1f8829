"""The DNS zone and the names in it."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from components.settings.problem import wrong
from components.settings.section import Section

PURPOSES = ("api", "web", "temporal", "metrics", "grafana")
"""What has a name of its own."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ZONE_ID = re.compile(r"[0-9a-f]{32}")


def _label(value: str) -> str:
    if "." in value:
        labels = value.split(".")
        example = "-".join(labels) if len(labels) == 2 else labels[0]
        raise wrong(
            "has more than one level, and Cloudflare's Universal SSL covers one level below the zone",
            f"write it with hyphens and without the zone, e.g. {example}",
        )
    if not _LABEL.fullmatch(value):
        raise wrong("is no host name", "use lower-case letters, digits and inner hyphens, at most 63")
    return value


def _zone(value: str) -> str:
    if value == "localhost":
        return value
    labels = value.split(".")
    if len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise wrong("is no DNS zone", "write the zone as Cloudflare lists it, e.g. example.com")
    return value


def _zone_id(value: str) -> str:
    if not _ZONE_ID.fullmatch(value):
        raise wrong(
            "is no zone id", "copy the 32 hexadecimal digits from Cloudflare's overview page of the zone"
        )
    return value


Label = Annotated[str, AfterValidator(_label)]


class Domain(Section):
    """The zone and the labels of the host names that are served from it."""

    zone: Annotated[str, AfterValidator(_zone)] = Field(
        description="the zone at Cloudflare; `localhost` for kind local"
    )
    zone_id: Annotated[str, AfterValidator(_zone_id)] | None = Field(
        None, description="the zone's id at Cloudflare, 32 hexadecimal digits; not for kind local"
    )
    api: Label = Field(description="name of the API in the zone, one level")
    web: Label = Field(description="name of the web application in the zone, one level")
    temporal: Label = Field(description="name of Temporal's interface in the zone, one level")
    metrics: Label | None = Field(
        None, description="name of the metrics' interface in the zone, one level; left out, it has none"
    )
    grafana: Label | None = Field(
        None, description="name of Grafana in the zone, one level; required by monitoring.grafana"
    )

    @property
    def host_names(self) -> dict[str, str]:
        """The full host name of each that there is: keys of `PURPOSES`."""
        labels = {name: getattr(self, name) for name in PURPOSES}
        return {name: f"{label}.{self.zone}" for name, label in labels.items() if label is not None}
