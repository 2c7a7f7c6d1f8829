"""The images on the host."""

from collections.abc import Collection

import pulumi
import pulumi_docker as docker

from components.containers.runtime import Runtime
from components.settings.images import Images as Settings


class Images(pulumi.ComponentResource):
    """One pulled image for each entry of the stack file's `images`, by its name there, but the `unused`."""

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        settings: Settings,
        unused: Collection[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:containers:Images", name, {}, opts)
        self._references: dict[str, str] = settings.model_dump()
        self._images = {
            image: docker.RemoteImage(
                f"{name}-{image.replace('_', '-')}",
                name=reference,
                # A rollback finds the last release on the host, even with the registry away.
                keep_locally=True,
                opts=runtime.options(self),
            )
            for image, reference in self._references.items()
            if image not in unused
        }
        self.register_outputs({})

    def __getitem__(self, image: str) -> pulumi.Output[str]:
        """The image's id (`sha256:…`). A container made by repository digest is replaced at every run."""
        return self._images[image].image_id

    def tag(self, image: str) -> str:
        """The reference without its digest: what a newer image would be published under."""
        return self._references[image].partition("@")[0]
