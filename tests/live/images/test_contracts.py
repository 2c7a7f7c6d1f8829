"""An image that is not as its contract says is found out, in each way in which it can differ."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable, Iterator

import docker
import pytest

from components.settings.images import MONITORING
from rehearsal.images import ImageError, builder, contract, inspection, registry, trial, verify
from rehearsal.images.contents import contents
from rehearsal.images.contract import Contract
from rehearsal.images.stack_images import BUILT, SHOWING

pytestmark = pytest.mark.live

LABELS = {"jira-plus-plus": "image-test"}
GOOD = """
RUN printf '#!/bin/sh\\necho "tool 1.2.3"\\n' >/usr/local/bin/tool && chmod 0755 /usr/local/bin/tool \\
 && echo 'tool:x:999:999::/:/bin/sh' >>/etc/passwd \\
 && mkdir /srv/data && chown 999:999 /srv/data && chmod 1777 /srv/data && ln -s /srv/data /srv/link
ENV MODE=fast
EXPOSE 8080
VOLUME /var/tool
STOPSIGNAL SIGINT
WORKDIR /srv
USER tool
ENTRYPOINT ["tool"]
CMD ["--serve"]
"""
CONTRACT = Contract.model_validate(
    {
        "version": "v1.2.3",
        "shells": {"/usr/bin/sh": "dash"},
        "programs": {"/usr/bin": "sh cat", "/usr/local/bin": "tool"},
        "users": {"tool": "999:999"},
        "user": "tool",
        "entrypoint": ["tool"],
        "command": ["--serve"],
        "workdir": "/srv",
        "stop_signal": "SIGINT",
        "volumes": ["/var/tool"],
        "ports": [8080],
        "environment": {"MODE": "fast"},
        "paths": {"/srv/data": {"owner": "999:999", "mode": "1777"}, "/srv/link": {}},
        "tells": {"command": ["tool", "--version"], "prints": "tool {number}$"},
        "sources": ["this test"],
    }
)
CONFIGURED_OTHERWISE = """
ENV MODE=slow
EXPOSE 9090
VOLUME /var/other
STOPSIGNAL SIGTERM
WORKDIR /tmp
USER root
ENTRYPOINT ["/usr/local/bin/tool"]
CMD ["--other"]
"""
MADE_OTHERWISE = """
USER root
RUN rm /usr/bin/cat /srv/link && ln -sf bash /usr/bin/sh \\
 && sed -i s/1.2.3/1.2.30/ /usr/local/bin/tool && sed -i s/999:999/998:998/ /etc/passwd \\
 && chown 998:998 /srv/data && chmod 0755 /srv/data
USER tool
"""

Make = Callable[[str], str]


@pytest.fixture(scope="module")
def make(client: docker.DockerClient, built: Callable[..., dict[str, str]]) -> Iterator[Make]:
    """Builds an image from Debian's base and the lines of a Dockerfile; returns its id. All go at the end."""
    base = builder.tag("base") if builder.built(client, "base") else built("base")["base"]
    made: set[str] = set()  # two of one content are one image

    def make(lines: str) -> str:
        image, _ = client.images.build(
            fileobj=io.BytesIO(f"FROM {base}\n{lines}".encode()), labels=LABELS, rm=True, forcerm=True
        )
        made.add(str(image.id))
        return str(image.id)

    yield make
    for image in made:
        client.images.remove(image, force=True)


def test_an_image_that_is_as_its_contract_says_has_no_breach(client: docker.DockerClient, make: Make) -> None:
    assert inspection.breaches(client, make(GOOD), CONTRACT) == []


def test_each_difference_in_the_configuration_is_a_breach(client: docker.DockerClient, make: Make) -> None:
    assert inspection.breaches(client, make(GOOD + CONFIGURED_OTHERWISE), CONTRACT) == [
        "user: root, not tool",
        "entrypoint: /usr/local/bin/tool, not tool",
        "command: --other, not --serve",
        "working directory: /tmp, not /srv",
        "stop signal: SIGTERM, not SIGINT",
        "volumes: /var/other /var/tool, not /var/tool",
        "ports: 8080/tcp 9090/tcp, not 8080/tcp",
        "variable MODE: 'slow', not 'fast'",
    ]


def test_each_difference_in_the_files_is_a_breach(client: docker.DockerClient, make: Make) -> None:
    assert inspection.breaches(client, make(GOOD + MADE_OTHERWISE), CONTRACT) == [
        "programs that are not there: /usr/bin/cat",
        "/usr/bin/sh is /usr/bin/bash, not dash",
        "user tool: 998:998, not 999:999",
        "/srv/data belongs to 998:998, not 999:999",
        "/srv/data has the mode 0755, not 1777",
        "/srv/link is not there",
        "version: `tool --version` tells 'tool 1.2.30', not 1.2.3",
    ]


def test_a_program_that_does_not_start_tells_no_version(client: docker.DockerClient, make: Make) -> None:
    (text,) = inspection.breaches(
        client, make(f"{GOOD}USER root\nRUN sed -i '1s,sh,zsh,' /usr/local/bin/tool\nUSER tool\n"), CONTRACT
    )

    assert re.match(r"version: `tool --version` ended with -?\d+: .*no such file", text)


def test_what_can_be_executed_are_programs_and_the_links_to_them(
    client: docker.DockerClient, make: Make
) -> None:
    lines = """
RUN mkdir /opt/hidden && cp /usr/bin/true /opt/hidden/shell && ln -s ../opt/hidden /srv/folder \\
 && ln -s /srv/folder/shell /usr/local/bin/linked && ln -s nowhere /usr/local/bin/broken \\
 && ln /usr/bin/true /usr/local/bin/second && echo text >/usr/local/bin/text && ln -s loop /usr/local/bin/loop
"""
    found = contents(client, make(lines)).executables()

    assert {
        path for path in found if not path.startswith(("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/var/"))
    } >= {
        "/opt/hidden/shell",
        "/usr/local/bin/linked",
        "/usr/local/bin/second",
    }
    assert not found & {"/usr/local/bin/broken", "/usr/local/bin/text", "/usr/local/bin/loop", "/srv/folder"}
    assert not any(path.endswith(".so.6") for path in found)


def test_an_image_is_pulled_from_its_registry_by_its_digest(
    client: docker.DockerClient, make: Make, built: Callable[..., dict[str, str]]
) -> None:
    if not builder.built(client, "registry"):
        built("registry")
    registry.serve(client)
    repository = f"{registry.ADDRESS}/contract-{uuid.uuid4().hex[:8]}"
    image = make(GOOD)
    client.images.get(image).tag(repository, "v1.2.3")
    pushed = client.api.push(repository, "v1.2.3", stream=True, decode=True)
    digest = next(message["aux"]["Digest"] for message in pushed if "aux" in message)
    client.images.remove(image, force=True)

    pulled = verify.pull(client, f"{repository}:v1.2.3@{digest}")

    assert pulled == image
    assert inspection.breaches(client, pulled, CONTRACT) == []


def test_where_no_registry_answers_that_is_said(client: docker.DockerClient) -> None:
    reference = f"127.0.0.1:9/nobody:1@sha256:{'0' * 64}"

    with pytest.raises(
        ImageError, match=r"127\.0\.0\.1:9/nobody:1@sha256:0+ cannot be pulled: .*needs its registry"
    ):
        verify.pull(client, reference)


def test_a_container_that_the_image_cannot_start_ends_the_trial(
    client: docker.DockerClient, make: Make
) -> None:
    with pytest.raises(trial.TrialError, match=r"postgres does not start: .*docker-entrypoint\.sh"):
        trial.run(client, {"postgres": make("")}, lambda _: None)

    assert client.containers.list(all=True, filters={"label": "jira-plus-plus=trial"}) == []


def test_the_stand_ins_start_as_the_program_starts_its_own(
    client: docker.DockerClient, images: dict[str, str]
) -> None:
    lines: list[str] = []

    trial.run(client, {name: images[name] for name in (*BUILT, *MONITORING, *SHOWING)}, lines.append)

    healthy = {line.split()[0] for line in lines if "healthy after" in line}
    assert healthy >= {
        "postgres",
        "temporal",
        "temporal-ui",
        "traefik",
        "autoheal",
        "backup",
        "metrics",
        "postgres-exporter",
        "node-exporter",
        "grafana",
    }


def test_a_breach_is_told_beside_the_image_and_the_rest_is_still_tried(
    client: docker.DockerClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(contract, "load", lambda _: CONTRACT)
    monkeypatch.setattr(verify, "pull", lambda _, reference: reference)

    assert not verify.verify(client, {"postgres": make(f"{GOOD}STOPSIGNAL SIGKILL\n")}, lines.append)

    breach = next(index for index, line in enumerate(lines) if "BREACH" in line)
    assert lines[breach].split()[0] == "postgres"
    assert lines[breach + 1].strip() == "stop signal: SIGKILL, not SIGINT"
    assert lines[-1].startswith("  BREACH: postgres does not start: ")
