"""The DNS zone and the three names in it."""

from components.settings.section import Section


class Domain(Section):
    """The zone and the labels of the three host names that are served from it."""

    zone: str
    zone_id: str | None = None
    api: str
    web: str
    temporal: str

    @property
    def host_names(self) -> dict[str, str]:
        """The full host name of each: keys `api`, `web`, `temporal`."""
        return {name: f"{getattr(self, name)}.{self.zone}" for name in ("api", "web", "temporal")}
