"""What a deploy looks at when all resources are as declared: containers, backup, certificates."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from operations.checks import Unwell, verify
from operations.checks.certificates import Certificates
from operations.checks.containers import Containers
from operations.checks.finding import Finding
from operations.place import Place

NAME = "api-uat.example.com"
WANTED = {"api": "api-1a2b", "backup": "jira-uat-backup"}


def container(name: str, status: str = "running", health: str = "healthy", **state: Any) -> dict[str, Any]:
    checks = [{"Output": "the last good backup is 27 h old\n"}]
    return {
        "Name": f"/{name}",
        "State": {"Status": status, "Health": {"Status": health, "Log": checks}, **state},
    }


class Told(Place):
    """A place that prints what it is told to."""

    def __init__(self, *found: dict[str, Any]) -> None:
        super().__init__((), "")
        object.__setattr__(self, "_found", found)

    def run(self, command: str) -> str:
        assert "jira-plus-plus.stack=uat" in command
        return json.dumps(self._found)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([container("api-1a2b"), container("jira-uat-backup")], []),
        ([container("api-1a2b")], ["jira-uat-backup is not there"]),
        (
            [container("api-1a2b"), container("jira-uat-backup", health="unhealthy")],
            ["jira-uat-backup is unhealthy: the last good backup is 27 h old"],
        ),
        (
            [container("api-1a2b", "exited", ExitCode=137, OOMKilled=True), container("jira-uat-backup")],
            ["api-1a2b is exited (exit code 137, out of memory)"],
        ),
        (
            [container("api-1a2b"), container("jira-uat-backup"), container("api-old", health="unhealthy")],
            ["api-old is unhealthy"],
        ),
        ([container("api-1a2b"), container("jira-uat-backup"), container("api-old", "exited")], []),
    ],
)
def test_each_container_that_is_not_well_is_named_with_its_state_and_the_age_of_the_last_backup(
    found: list[dict[str, Any]], expected: list[str]
) -> None:
    """Report 10 of runtime: backups failed for weeks, and every deploy was green."""
    findings = Containers("uat", WANTED).findings(Told(*found))
    assert len(findings) == len(expected)
    assert all(str(finding).startswith(text) for finding, text in zip(findings, expected, strict=True))
    assert all(finding.remedy for finding in findings)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("the last drill of the copies failed: jira: no room", "copies"),
        ("the drill of the log is overdue: the last was 9 days ago", "log"),
    ],
)
def test_a_drill_that_failed_or_is_overdue_is_named_with_the_command_that_makes_one(
    said: str, kind: str
) -> None:
    found = container("jira-uat-backup", health="unhealthy")
    found["State"]["Health"]["Log"][0]["Output"] = f"the last good backup is 3 h old\n{said}\n"
    (finding,) = Containers("uat", {"backup": "jira-uat-backup"}).findings(Told(found))
    assert finding.state == f"is unhealthy: the last good backup is 3 h old {said}"
    assert finding.remedy == (
        f"`make drill STACK=uat KIND={kind}` makes one now (docs/runbook.md, A drill failed)"
    )


def certificate(folder: Path, name: str = NAME, days: float = 90.0) -> str:
    """A self-signed certificate in PEM; its file in `folder` holds the key as well."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=200))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    (folder / "served.pem").write_text(private + pem)
    return pem


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """A server with the certificate in `folder`; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "served.pem")

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def made(pem: str) -> list[dict[str, Any]]:
    return [
        {"type": "cloudflare:index/originCaCertificate:OriginCaCertificate", "outputs": {"certificate": pem}}
    ]


def findings(port: int, resources: list[dict[str, Any]], place: Place | None = None) -> list[Finding]:
    urls = {"api": f"https://{NAME}:{port}"}
    return Certificates("uat", urls, resources).findings(place or Place((), ""))


def test_the_certificate_that_the_program_made_is_the_one_that_must_be_served(tmp_path: Path) -> None:
    """Report 11 of runtime: a green deploy, and a proxy that serves its default certificate."""
    own = certificate(tmp_path)
    with serving(tmp_path) as port:
        assert findings(port, made(own)) == []
    certificate(tmp_path)  # of the same name, and not ours
    with serving(tmp_path) as port:
        (finding,) = findings(port, made(own))
    assert finding.name == NAME
    assert finding.state.startswith("serves no valid certificate: ")
    assert "docker logs --since 1h jira-uat-traefik" in finding.remedy


@pytest.mark.parametrize(
    ("name", "days", "said"),
    [
        ("app-uat.example.com", 90.0, "Hostname mismatch"),
        (NAME, -1.0, "certificate has expired"),
        (NAME, 13.2, "has a certificate that ends in 13 days"),
    ],
)
def test_a_certificate_for_another_name_or_at_its_end_is_told(
    name: str, days: float, said: str, tmp_path: Path
) -> None:
    """Report 11 of runtime."""
    own = certificate(tmp_path, name, days)
    with serving(tmp_path) as port:
        (finding,) = findings(port, made(own))
    assert said in finding.state


def test_what_traefik_gets_by_itself_is_held_against_the_authorities_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Report 11 of runtime: a certificate of a staging authority is one that Cloudflare refuses."""
    own = certificate(tmp_path)
    with serving(tmp_path) as port:
        (finding,) = findings(port, [])
        assert "self-signed certificate" in finding.state
        (tmp_path / "authorities.pem").write_text(own)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
        assert findings(port, []) == []


TUNNEL = """
import selectors, socket, sys, os
words = sys.argv[1:]
host, _, port = words[words.index("-W") + 1].rpartition(":")
far = socket.create_connection((host, int(port)))
ways = {0: far.sendall, far.fileno(): lambda data: os.write(1, data)}
waiting = selectors.DefaultSelector()
for source in ways:
    waiting.register(source, selectors.EVENT_READ)
while True:
    for key, _ in waiting.select():
        if not (data := os.read(key.fd, 65536)):
            sys.exit()
        ways[key.fd](data)
"""


def test_a_server_is_asked_on_its_own_loopback_address_through_ssh(tmp_path: Path) -> None:
    """Report 11 of runtime: the firewall lets Cloudflare alone reach the port from outside."""
    own = certificate(tmp_path)
    (tmp_path / "ssh.py").write_text(TUNNEL)
    place = Place.of({"ssh": f"{sys.executable} {tmp_path / 'ssh.py'} deploy@203.0.113.1"})
    with serving(tmp_path) as port:
        assert findings(port, made(own), place) == []
    (finding,) = findings(port, made(own), place)
    assert finding.state.startswith("gives no TLS handshake: ")


def stack(docker_host: str) -> list[dict[str, Any]]:
    outputs = {"containers": WANTED, "urls": {"api": "http://api.localhost"}, "docker_host": docker_host}
    return [{"type": "pulumi:pulumi:Stack", "outputs": outputs}]


def test_what_is_not_well_yet_is_waited_for_and_what_stays_so_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Report 10 of runtime."""
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\ncat {tmp_path}/found\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def found(health: str) -> None:
        state = [container("api-1a2b", health=health), container("jira-uat-backup")]
        (tmp_path / "found").write_text(json.dumps(state))

    found("starting")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            found("healthy")

    verify("uat", stack("unix:///x"), {}, sleep)
    assert len(slept) == 2

    found("unhealthy")
    monkeypatch.setattr("operations.checks.PATIENCE_SECONDS", 0.0)
    with pytest.raises(Unwell, match=r"uat is deployed, but not well:\n  api-1a2b is unhealthy: .*runbook"):
        verify("uat", stack("unix:///x"), {})
    verify("uat", stack("unix:///x"), {"REHEARSAL_DOCKER": "record"})
