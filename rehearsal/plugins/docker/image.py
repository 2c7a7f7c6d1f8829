"""`docker.RemoteImage`: an image that is pulled by its name, unless it is there already."""

from __future__ import annotations

from rehearsal.plugins.docker.common import DockerResource, deleting, making, saying
from rehearsal.plugins.docker.engine import Body, Engine, EngineError
from rehearsal.plugins.docker.registry import Registries
from rehearsal.plugins.provider import ProviderError, Values


class RemoteImage(DockerResource):
    """Its own id is the image's id and name in one; `imageId` is the image's alone."""

    def make(self, plan: Values) -> tuple[str, Values]:
        """Pull the image if it is not there."""
        return self._found(plan)

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        """The image by its name: gone if it is not there."""
        if not state.get("name"):
            raise ProviderError(f"resource {resource_id} cannot be imported: an image is created by its name")
        image = local_image(self.engine, str(state["name"]))
        return None if image is None else {**state, **_outputs(str(state["name"]), image)}

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        """Only what happens at its end can change; the image is looked up again."""
        return self._found(plan)[1]

    def remove(self, resource_id: str, state: Values) -> None:
        """Remove the image unless `keepLocally`; one in use by a container needs `forceRemove`."""
        if state.get("keepLocally"):
            return
        with deleting(), saying("Unable to remove Docker image"):
            if local_image(self.engine, str(state["name"])) is not None:
                self.engine.remove_image(str(state["name"]), bool(state.get("forceRemove")))

    def _found(self, plan: Values) -> tuple[str, Values]:
        name = str(plan["name"])
        engine = self.engine
        with making():
            try:
                image = find_image(engine, self.registries, name, str(plan.get("platform") or ""))
            except ProviderError as error:
                raise ProviderError(f"Unable to read Docker image into resource: {error}") from None
        return image["Id"] + name, {**plan, **_outputs(name, image)}


def find_image(engine: Engine, registries: Registries, name: str, platform: str = "") -> Body:
    """The image of this name, pulled if it is not there. Raises `ProviderError` if it cannot be had."""
    if not name:
        raise ProviderError("empty image name is not allowed")
    image = local_image(engine, name)
    if image is not None:
        return image
    with saying(f"unable to pull image {name}: error pulling image {name}"):
        engine.pull_image(name, platform, registries.login(name))
    image = local_image(engine, name)
    if image is None:
        raise ProviderError(f"unable to find or pull image {name}")
    return image


def local_image(engine: Engine, name: str) -> Body | None:
    """The image if the engine holds it."""
    try:
        return engine.inspect_image(name)
    except EngineError as error:
        if error.missing:
            return None
        raise


def _outputs(name: str, image: Body) -> Values:
    return {"imageId": image["Id"], "repoDigest": _repo_digest(name, image.get("RepoDigests") or [])}


def _repo_digest(name: str, digests: list[str]) -> str:
    """Of several, the one of the repository that was asked for."""
    repository = name.split(":", 1)[0]
    return next(
        (digest for digest in digests if digest.startswith(repository)), digests[0] if digests else ""
    )
