"""The end of a rotation: the logins of before are shut, and since when each secret is the one that it is."""

import hashlib
import hmac
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi

from components.services.postgres import Postgres, former_logins
from components.services.site import Site
from components.settings import secret
from components.settings.secrets import AGED

HERE = Path(__file__).parent
NOTED = "noted"
"""What the name of the last command ends with, whose arguments have the numbers that a deploy has reached."""


class Rotated(pulumi.ComponentResource):
    """Two commands after all that logs in: what a rotation has left of before ends with the first.

    `after` is what has the secrets of now. Where that does not come about, those of before still work, and
    the next update goes on.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        postgres: Postgres,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:services:Rotated", name, {}, opts)
        host, credentials = site.runtime.host, site.credentials
        shut = former_logins(credentials.jira_login, credentials.temporal_login)
        former = host.run(
            f"{name}-former",
            create=postgres.container.name_in_docker.apply(
                lambda container: shlex.join(["docker", "exec", container, *shut])
            ),
            # A server that was made anew may have the roles of another time.
            triggers=[postgres.container.resource.id],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[postgres.roles, *after]),
        )
        config, numbers = pulumi.Config(), site.settings.rotations.model_dump()
        human = {key: value for key in AGED if (value := secret(config, key)) is not None}
        # With what the data are kept with, as the record of releases is (`components.services.releases`).
        file = f"{host.data_path or host.files_root}/rotated"
        fingerprints = pulumi.Output.unsecret(
            pulumi.Output.all(credentials.fingerprint_key, {**credentials.made, **human}).apply(
                lambda known: [
                    f"{key}={numbers.get(key, 0)}:{fingerprint(known[0], key, value)}"
                    for key, value in sorted(dict(known[1]).items())
                ]
            )
        )
        noted = host.run(
            f"{name}-{NOTED}",
            create=fingerprints.apply(
                lambda words: f"{host.sudo}{shlex.join(['sh', '-s', '--', file, *words])}"
            ),
            stdin=(HERE / "rotated.sh").read_text(encoding="utf-8"),
            delete=None if host.data_path else f"rm -f {shlex.quote(file)}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[former]),
        )
        self.since: pulumi.Output[Mapping[str, str]] = pulumi.Output.unsecret(
            noted.stdout.apply(lambda written: dict(json.loads(written or "{}")))
        )
        """When each secret became the one that it is (UTC), as far as the machine knows, by its name."""
        self.register_outputs({})


def fingerprint(key: str, name: str, value: str) -> str:
    """Twelve digits that are others for another value. Without the key nobody can try values on them."""
    return hmac.new(key.encode(), f"{name}\n{value}".encode(), hashlib.sha256).hexdigest()[:12]
