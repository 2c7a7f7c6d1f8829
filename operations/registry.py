"""What a registry says of an image, over its HTTP API, without pulling it.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md; the login's token:
https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from operations.deployment import PROJECT, Deployment

HUB = "registry-1.docker.io"
"""Of references without a host."""
SECONDS = 20
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_LOOPBACK = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$")


class NotThere(Exception):
    """The image is not to be had from there, or not for this machine; the message says what would help."""


@dataclass(frozen=True)
class Login:
    """Who pulls, and from which registry: the settings' `registry` and the secret `registry_password`."""

    server: str
    username: str
    password: str


@dataclass(frozen=True)
class Found:
    """An image in a registry: its labels."""

    reference: str
    labels: Mapping[str, str]


def login_of(registry: Mapping[str, Any], deployment: Deployment) -> Login:
    """The login that the section `registry` of a stack file names, with the password that the state keeps.

    Raises:
        NotThere: it keeps none.
    """
    password = deployment.open().get_all_config().get(f"{PROJECT}:registry_password")
    if password is None:
        raise NotThere(
            "registry_password: got nothing; `pulumi config set --secret registry_password --stack "
            f"{deployment.stack}` with the password of {registry['username']}"
        )
    return Login(str(registry["server"]), str(registry["username"]), password.value)


def look(reference: str, architecture: str, login: Login | None = None) -> Found:
    """The image that `reference` (with a digest) names, for `linux` on `architecture` (`amd64`, `arm64`).

    Raises:
        NotThere: the registry does not have it, does not let in, does not answer, or has it for others only.
    """
    registry, digest = Repository.of(reference, login)
    manifest = registry.json(f"manifests/{digest}")
    if "manifests" in manifest:
        platforms = {
            f"{entry['platform'].get('os')}/{entry['platform'].get('architecture')}": entry["digest"]
            for entry in manifest["manifests"]
            if "platform" in entry
        }
        if f"linux/{architecture}" not in platforms:
            raise _elsewhere(reference, architecture, [name for name in platforms if "unknown" not in name])
        manifest = registry.json(f"manifests/{platforms[f'linux/{architecture}']}")
    config = registry.json(f"blobs/{manifest['config']['digest']}")
    if (config.get("os"), config.get("architecture")) != ("linux", architecture):
        raise _elsewhere(reference, architecture, [f"{config.get('os')}/{config.get('architecture')}"])
    return Found(reference, (config.get("config") or {}).get("Labels") or {})


def split(reference: str) -> tuple[str, str, str]:
    """Registry, repository and digest, as Docker reads a reference.

    Raises:
        NotThere: it has no digest.
    """
    name, _, digest = reference.partition("@")
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise NotThere(
            f"{reference}: has no digest, and a tag may be another image tomorrow; "
            "write <repository>:<version>@sha256:<64 hexadecimal digits>"
        )
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        first, rest = HUB, name if slash else f"library/{name}"
    before, _, last = rest.rpartition("/")
    repository = f"{before}/{last.partition(':')[0]}".lstrip("/")
    return _host(first), repository, digest


def _host(server: str) -> str:
    return HUB if server in ("docker.io", "index.docker.io") else server


def _elsewhere(reference: str, architecture: str, found: list[str]) -> NotThere:
    return NotThere(
        f"{reference}: is for {', '.join(found) or 'nothing that it names'}, and the server is "
        f"linux/{architecture}; build it with `docker buildx build --platform linux/{architecture}`"
    )


class Repository:
    """The parts of one repository; logs in where it is asked to."""

    def __init__(self, reference: str, host: str, repository: str, login: Login | None) -> None:
        self._reference, self._host, self._login, self._repository = reference, host, login, repository
        scheme = "http" if _LOOPBACK.match(host) else "https"  # as Docker does
        self._base = f"{scheme}://{host}/v2/{repository}/"
        self._headers = {"Accept": ", ".join((*_INDEXES, *_MANIFESTS, "*/*;q=0.1"))}

    @classmethod
    def of(cls, reference: str, login: Login | None) -> tuple[Repository, str]:
        """That of an image, and the image's digest in it.

        Raises:
            NotThere: the reference has no digest.
        """
        host, repository, digest = split(reference)
        ours = login if login and _host(login.server) == host else None
        return cls(reference, host, repository, ours), digest

    def json(self, part: str) -> dict[str, Any]:
        """A manifest (`manifests/<digest or tag>`) or a blob that is JSON.

        Raises:
            NotThere: it is not to be had.
        """
        content = self.find(part)
        if content is None:
            raise NotThere(
                f"{self._reference}: {self._host} does not have it; look whether it was pushed, and with "
                "this digest (some registries answer so, too, where a login is missing: `registry`)"
            )
        try:
            found: dict[str, Any] = json.loads(content)
        except ValueError as error:
            raise self._unanswered(error) from None
        return found

    def find(self, part: str) -> bytes | None:
        """The bytes of a part; None: it is not there.

        Raises:
            NotThere: the registry does not let in, or does not answer.
        """
        try:
            answer = requests.get(self._base + part, headers=self._headers, timeout=SECONDS)
            if answer.status_code == requests.codes.unauthorized and "Authorization" not in self._headers:
                self._log_in(answer.headers.get("WWW-Authenticate", ""))
                answer = requests.get(self._base + part, headers=self._headers, timeout=SECONDS)
            if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
                raise self._refused()
            if answer.status_code == requests.codes.not_found:
                return None
            answer.raise_for_status()
        except (requests.RequestException, ValueError) as error:
            raise self._unanswered(error) from None
        return answer.content

    def _unanswered(self, error: Exception) -> NotThere:
        return NotThere(
            f"{self._reference}: {self._host} cannot be asked: {error}; try again, or correct the host"
        )

    def _log_in(self, challenge: str) -> None:
        basic = (self._login.username, self._login.password) if self._login else None
        if challenge.lower().startswith("basic"):
            if basic is None:
                raise self._refused()
            request = requests.Request("GET", self._base, auth=basic).prepare()
            self._headers["Authorization"] = request.headers["Authorization"]
            return
        given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        if not given.get("realm", "").startswith("https://") and not _LOOPBACK.match(self._host):
            raise self._refused()  # a password goes nowhere in plain text
        answer = requests.get(
            given["realm"],
            params={"service": given.get("service", ""), "scope": f"repository:{self._repository}:pull"},
            auth=basic,
            timeout=SECONDS,
        )
        if not answer.ok:
            raise self._refused()
        token = answer.json()
        self._headers["Authorization"] = f"Bearer {token.get('token') or token.get('access_token')}"

    def _refused(self) -> NotThere:
        who = f"{self._login.username} (registry.username)" if self._login else "who is not logged in"
        return NotThere(
            f"{self._reference}: {self._host} does not let in {who}; set `registry` in the stack file and "
            "the secret registry_password, whose owner may read the image"
        )
