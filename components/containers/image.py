"""The images on the host."""

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

import pulumi
import pulumi_docker as docker

from components.containers.runtime import Runtime
from components.host.machine import once
from components.reference import OURS, pinned
from components.settings.images import Images as Settings

HERE = Path(__file__).parent
CANARY = "api_canary"
"""Another image of the API, where the stack file names one under `release`: our build's as well."""
FIRST = ("postgres", "postgres_archiving", "temporal_admin_tools", "temporal", "restic", "api")
"""What the longest way to a stack that serves is made of: database, Temporal in it, backup, migration.
The others are pulled once these are there, while the database starts. A small server that unpacks all of them
at a time has none for long."""
KEPT = 5
"""Of each image: what runs, and four to go back to."""
HISTORY = "/var/lib/jira-plus-plus/images"
"""Of the server, as its images are: a destroy leaves both."""
FREE_MB = 2048
"""Before a pull, where Docker keeps images: some take 450 MB, and as much again while they are unpacked."""
FREE_DATA_MB = 512
"""Where the database is, which the release's migration may make larger."""


class Images(pulumi.ComponentResource):
    """One pulled image for each entry of the stack file's `images`, by its name there, but the `unused`.

    And `canary`, where there is one.

    On a server nothing is pulled onto a disk that is nearly full, and `retire` removes what is old. A
    developer's Docker is the developer's own.
    """

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        settings: Settings,
        unused: Collection[str] = (),
        canary: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:containers:Images", name, {}, opts)
        self._name, self._runtime = name, runtime
        self._references: dict[str, str] = settings.model_dump(exclude_none=True)
        self._ours = {image: f"images.{image}" for image in OURS}
        if canary:
            self._references[CANARY] = canary
            self._ours[CANARY] = "release.canary.image"
        data_path = runtime.host.data_path
        space = [self._free_space(data_path)] if data_path else []
        wanted = [image for image in self._references if image not in unused]
        first = {image: self._pulled(image, space) for image in wanted if image in FIRST}
        before = [*space, *first.values()]
        self._images = first | {image: self._pulled(image, before) for image in wanted if image not in FIRST}
        self._platform = runtime.host.run(
            f"{name}-platform",
            create=pulumi.Output.all(**{image: self._images[image].image_id for image in self._ours}).apply(
                lambda ids: self._command(*(f"{path}={ids[image]}" for image, path in self._ours.items()))
            ),
            stdin=(HERE / "image-platform.sh").read_text(encoding="utf-8"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})

    def __getitem__(self, image: str) -> pulumi.Output[str]:
        """The image's id (`sha256:…`). A container made by repository digest is replaced at every run."""
        if image not in self._ours:
            return self._images[image].image_id
        return once(self._images[image].image_id, self._platform)

    def pinned(self, image: str) -> pulumi.Output[str]:
        """Its reference with its digest; as it is, where it comes from no registry and so has none."""
        reference = self._references[image]
        return self._images[image].repo_digest.apply(lambda found: pinned(reference, found or ""))

    def digest(self, image: str) -> pulumi.Output[str]:
        """Its digest, `sha256:…`: the registry's, or of one that comes from none Docker's own."""
        return pulumi.Output.all(self.pinned(image), self._images[image].image_id).apply(
            lambda known: known[0].partition("@")[2] or known[1]
        )

    def retire(self, after: Sequence[pulumi.Resource]) -> None:
        """Removes those that `KEPT` newer ones of the same name have replaced, once `after` are there."""
        if not self._runtime.host.data_path:
            return
        self._runtime.host.run(
            f"{self._name}-retired",
            create=pulumi.Output.all(**{name: image.image_id for name, image in self._images.items()}).apply(
                lambda ids: self._command(
                    str(KEPT), HISTORY, *(f"{name}={ids[name]}" for name in sorted(ids))
                )
            ),
            stdin=(HERE / "keep-images.sh").read_text(encoding="utf-8"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _pulled(self, image: str, after: Sequence[pulumi.Resource]) -> docker.RemoteImage:
        return docker.RemoteImage(
            f"{self._name}-{image.replace('_', '-')}",
            name=self._references[image],
            # A rollback finds the last release on the host, even with the registry away.
            keep_locally=True,
            opts=self._runtime.options(self, depends_on=list(after)),
        )

    def _free_space(self, data_path: str) -> pulumi.Resource:
        """Looked at whenever an image is to be pulled, and no other time."""
        more = "raise host.volume.size_gb" if self._runtime.host.server else "make room"
        return self._runtime.host.run(
            f"{self._name}-space",
            create=self._command(
                *("/var/lib/docker", str(FREE_MB), "remove what nobody needs"),
                *(data_path, str(FREE_DATA_MB), more),
            ),
            stdin=(HERE / "free-space.sh").read_text(encoding="utf-8"),
            triggers=sorted(self._references.values()),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _command(self, *words: str) -> str:
        return f"{self._runtime.host.sudo}{shlex.join(['sh', '-s', '--', *words])}"

    def tag(self, image: str) -> str:
        """The reference without its digest: what a newer image would be published under."""
        return self._references[image].partition("@")[0]
