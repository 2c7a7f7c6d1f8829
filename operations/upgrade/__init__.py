"""`make upgrade-postgres`: another major version of Postgres. At the server upgrade.sh does it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.services.postgres_major import MOVED
from components.settings.images import POSTGRES_MAJORS, postgres_major
from operations import stack_file, summary
from operations.checks import verify
from operations.confirmation import confirmed
from operations.deployment import Deployment, DeploymentFailed
from operations.place import Place
from operations.registry import NotThere, login_of
from operations.restore import SHARED, container
from operations.restore.job import Job
from operations.summary import outputs

SCRIPT = Path(__file__).with_name("upgrade.sh")
FORMER = "former"
"""In the job's folder at the server: the image of before, for the way back."""
MB_PER_SECOND = 15
"""Of what is dumped, restored and compared: docs/bench.md, Another major version of Postgres."""
OVERHEAD_SECONDS = 15
"""Of a move, whatever its size."""
PAGE = "docs/runbook.md, Another major version of Postgres"
_IMAGE = "docker:index/remoteImage:RemoteImage"


class NoUpgrade(Exception):
    """The data are not moved there; the message says why, and what would let it."""


@dataclass(frozen=True)
class Server:
    """What serves."""

    major: int
    megabytes: int
    """Of all its databases."""


class Upgrade:
    """Of one stack that is up, whose stack file is in its project's folder."""

    def __init__(self, deployment: Deployment, say: Callable[[str], None] = print) -> None:
        """Looks at the stack file and the state.

        Raises:
            NoUpgrade: it is not up, or its data are not to be moved.
        """
        self.say, self.stack, self._deployment = say, deployment.stack, deployment
        self.recorded = deployment.environment.get("REHEARSAL_DOCKER") == "record"
        """Whether the containers are, and none runs."""
        self._file = deployment.project / f"Pulumi.{self.stack}.yaml"
        if stack_file.section(self._file, "host").get("kind") == "local":
            raise NoUpgrade(f"{self.stack}: its data go with a destroy: destroy it, and up again with this")
        self.image = (
            "postgres_archiving"
            if stack_file.section(self._file, "backup").get("point_in_time")
            else "postgres"
        )
        """The name under `images` of the one that serves."""
        resources = deployment.resources()
        given = outputs(resources)
        if "containers" not in given:
            raise NoUpgrade(f"{self.stack} is not up: a first deploy makes a cluster of any version")
        self.deployed = _deployed(resources, f"image-{self.image.replace('_', '-')}")
        """The reference that the state has."""
        self.place = Place.of(given)
        self.job = Job(self.place, f"upgrade-{self.stack}", SCRIPT.name)

    def wanted(self, to: str) -> str:
        """The image that `to` means: itself, or for a major version the one that the stack file names.

        Raises:
            NoUpgrade: there is none.
        """
        if re.fullmatch(r"\d+", to):
            written = stack_file.images(self._file).get(self.image, "")
            if postgres_major(written) == int(to):
                return written
            raise NoUpgrade(
                f"TO: got {to}, and images.{self.image} in {self._file.name} is {written}; write that of "
                f"{to} there (a preview refuses it until the data are moved), or give it here: "
                "TO=<repository>:<version>@sha256:<digest>"
            )
        try:
            major = postgres_major(to)
        except ValueError as error:
            raise NoUpgrade(f"TO: got {to}; {error}") from None
        if major not in POSTGRES_MAJORS:
            versions = ", ".join(map(str, POSTGRES_MAJORS))
            raise NoUpgrade(f"TO: got {to}; must be an image whose tag begins with {versions}")
        return to

    def serves(self) -> Server:
        """What answers at the server.

        Raises:
            NoUpgrade: nothing does.
        """
        query = (
            "select pg_catalog.current_setting('server_version_num')::int / 10000, "
            "pg_catalog.sum(pg_catalog.pg_database_size(oid))::bigint >> 20 from pg_catalog.pg_database"
        )
        ask = f"docker exec {container(self.stack, 'postgres')} psql -XAtq -F ' ' -U postgres -d postgres"
        found = re.match(r"(\d+) (\d+)\n", self.place.run(f'{ask} -c "{query}"'))
        if not found:
            raise NoUpgrade(
                f"the container postgres of {self.stack} does not answer at {self.place.name}: "
                f"`make deploy STACK={self.stack}` starts it"
            )
        return Server(int(found[1]), int(found[2]))

    def plan(self, server: Server, image: str) -> str:
        """In words, what will be done."""
        to = postgres_major(image)
        head = f"{self.stack}: from Postgres {server.major} to {to} ({image})"
        if server.major == to:
            return f"{head}\n  the data are of {to} already: the image is deployed, as any other"
        seconds = server.megabytes // MB_PER_SECOND + OVERHEAD_SECONDS
        lines = [
            head,
            f"  {server.megabytes} MB: roles and databases are dumped into a new cluster beside what serves, "
            "and compared row by row",
            f"  nobody can write for about {seconds} s meanwhile, and until the deploy after it is through: "
            "a page is served, and what needs the database answers with an error",
            f"  if a step fails, Postgres {server.major} serves again with all that it had",
            f"  {self._file.name} gets the image; the former cluster stays until you delete it",
        ]
        if self.image == "postgres_archiving":
            lines.append("  the log goes on in a new part of its bucket, with a full backup")
        return "\n".join(lines)

    def act(self, to: str, *, sure: bool) -> bool:
        """Moves the data and deploys the image; whether it did.

        Raises:
            NoUpgrade, Unwritable: nothing was changed.
            JobFailed: the data could not be moved; all is as it was.
            DeploymentFailed: the new server does not serve; what was there serves again, as far as the last
                lines do not say otherwise.
        """
        if self.recorded:
            self.say("containers are recorded only, and none runs: there is nothing to move")
            return False
        with self._deployment.way_in():
            if self.job.running():
                self.say("an upgrade is under way; this is how it goes on")
                self.job.follow(self.say)
            image, server = self.wanted(to), self.serves()
            self.say(self.plan(server, image))
            if not (sure or confirmed(self.stack, "upgrade Postgres of")):
                self.say("not upgraded")
                return False
            began = time.monotonic()
            if server.major != postgres_major(image):
                self._run("move", image)
        stack_file.write_images(self._file, {self.image: image})
        try:
            self._deploy(image)
        except DeploymentFailed as failure:
            if server.major != postgres_major(image):
                self.say(f"{failure}\ngoing back to Postgres {server.major}")
                self._back(image, self.deployed)
            raise
        self.say(f"Postgres {postgres_major(image)} serves, after {time.monotonic() - began:.0f} s")
        self._verify()
        self.say(f"the former cluster stays beside the data, as postgres.before_<time> ({PAGE})")
        self.say(f"{self._file.name} names what runs: commit it")
        return True

    def back(self, *, sure: bool) -> bool:
        """Serves again what served before the last upgrade; whether it did.

        Raises:
            NoUpgrade: there is nothing to go back to.
            JobFailed, DeploymentFailed: it was not gone back to.
        """
        if self.recorded:
            self.say("containers are recorded only, and none runs: there is nothing to go back to")
            return False
        with self._deployment.way_in():
            former = self.place.run(f"cat {self.job.folder}/{FORMER} 2>/dev/null").strip()
        if not former:
            raise NoUpgrade(f"{self.stack} was not upgraded: {self.place.name} has nothing to go back to")
        self.say(
            f"{self.stack}: back to Postgres {postgres_major(former)} ({former}), as at the upgrade\n"
            "  what was written since is not served any more: it stays beside, as postgres.after_<time>"
        )
        if not (sure or confirmed(self.stack, "take back the upgrade of")):
            self.say("not taken back")
            return False
        self._back(self.deployed, former)
        self._verify()
        return True

    def _back(self, image: str, former: str) -> None:
        with self._deployment.way_in():
            self._run("back", image)
        stack_file.write_images(self._file, {self.image: former})
        self._deploy(former)
        with self._deployment.way_in():
            self._run("open", former)
        self.say(f"Postgres {postgres_major(former)} serves")

    def _run(self, step: str, image: str) -> None:
        files = {path.name: path.read_text(encoding="utf-8") for path in (SCRIPT, SHARED)}
        if step == "move":
            files[FORMER] = f"{self.deployed}\n"
            if registry := stack_file.section(self._file, "registry"):
                try:
                    login = login_of(registry, self._deployment)
                except NotThere as error:
                    raise NoUpgrade(str(error)) from None
                files["login"] = f"{login.server}\n{login.username}\n{login.password}\n"
        self.job.start(files, [self.stack, step, image])
        self.job.follow(self.say)

    def _deploy(self, image: str) -> None:
        self._deployment.tell(MOVED, str(postgres_major(image)))
        started = time.monotonic()
        journal = self._deployment.up()
        timing = summary.Timing("up", time.monotonic() - started, journal.changes)
        self.say("\n" + summary.table(self.stack, self._deployment.resources(), [timing]))

    def _verify(self) -> None:
        with self._deployment.way_in():
            verify(self.stack, self._deployment.resources(), self._deployment.environment)


def _deployed(resources: list[Mapping[str, Any]], name: str) -> str:
    """The reference of the image of that resource; empty where the state has none."""
    named = (r for r in resources if r["type"] == _IMAGE and str(r["urn"]).endswith(f"::{name}"))
    return str((next(named, {}).get("inputs") or {}).get("name") or "")
