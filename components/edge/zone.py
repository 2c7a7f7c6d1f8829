"""The zone's settings at Cloudflare."""

from dataclasses import dataclass

import pulumi

from components.clouds.cloudflare import ZoneSetting

SETTINGS = {
    "ssl": "strict",  # https to the origin, whose certificate is checked
    "min_tls_version": "1.2",
}
"""By Cloudflare's setting id. The same in every stack: a zone's stacks share them, and must not argue.

As few as can be, for all names of the zone live by them: from http to https Traefik itself leads ours."""


@dataclass(frozen=True)
class ZoneArgs:
    """The zone, which exists already."""

    zone_id: str


class Zone(pulumi.ComponentResource):
    """The settings that a zone must have for this program's names to be safe in it."""

    def __init__(self, name: str, args: ZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:edge:Zone", name, {}, opts)
        for setting, value in SETTINGS.items():
            ZoneSetting(
                f"{name}-{setting.replace('_', '-')}",
                zone_id=args.zone_id,
                setting_id=setting,
                value=value,
                opts=pulumi.ResourceOptions(
                    parent=self,
                    # The end of one stack must not loosen the zone of another. (Cloudflare cannot delete a
                    # setting: the provider would forget it, too, without saying so.)
                    retain_on_delete=True,
                ),
            )
        self.register_outputs({})
