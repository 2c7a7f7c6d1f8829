"""Alerts whose faults take a quarter of an hour and more to be told, of a stack of their own."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.stacks.alarms import Fault, Uat, missed, watched
from tests.playbook.asking import asking
from tests.playbook.graphql import Api
from tests.playbook.waiting import seconds_until
from tests.playbook.wholeness import sql, whole

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(3600)]

ROUTES = "/srv/jira/files/traefik-dynamic/routes.yaml"
FILES_OF_LOG = 150
"""Of 16 MB each."""
MUCH_LOG = (
    f"do $$ begin for file in 1..{FILES_OF_LOG} loop perform pg_logical_emit_message(true, 'trial', 'x'); "
    "perform pg_switch_wal(); end loop; end $$"
)
LOCK = (
    "begin",
    "lock table issues in access exclusive mode",
    "select pg_sleep(3)",
    "commit",
    "select pg_sleep(1)",
)
LOWER = 's/"average": 500/"average": 1, "period": "4s"/; s/"burst": 1000/"burst": 1/'
STATUS = "/srv/jira/backups/status.json"


CERTIFICATE = """
import json, pathlib, subprocess, sys, tempfile
file = pathlib.Path("/srv/jira/files/traefik-dynamic/routes.yaml")
kept = pathlib.Path("/root/certificates.kept")
routes = json.loads(file.read_text())
if sys.argv[1] == "short":
    kept.touch(0o600)
    kept.write_text(json.dumps(routes["tls"]["certificates"]))
    names = ",".join(f"DNS:{name}-uat.example.com" for name in ("api", "app", "metrics", "temporal"))
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = (pathlib.Path(folder, name) for name in ("key", "certificate"))
        words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 10 -subj /CN=short"
        files = ["-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
        routes["tls"]["certificates"] = [{"certFile": certificate.read_text(), "keyFile": key.read_text()}]
else:
    routes["tls"]["certificates"] = json.loads(kept.read_text())
    kept.unlink()
file.write_text(json.dumps(routes, indent=2))  # the same file, with its owner
"""
MEMORY = """
import ctypes, os, pathlib, re, subprocess, sys
inspect = ["docker", "inspect", "--format", "{{.State.Pid}}", "jira-uat-node-exporter"]
process = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip()
shown = pathlib.Path("/srv/jira/metrics/meminfo")
text = pathlib.Path("/proc/meminfo").read_text()
total = int(re.search(r"MemTotal: *(\\d+)", text)[1])
shown.write_text(re.sub(r"MemAvailable: *\\d+", f"MemAvailable: {total * 3 // 100}", text))
libc = ctypes.CDLL(None)  # before its root is another
os.setns(os.open(f"/proc/{process}/ns/mnt", os.O_RDONLY), os.CLONE_NEWNS)
if sys.argv[1] == "little":
    assert libc.mount(b"/var/lib/node_exporter/meminfo", b"/proc/meminfo", None, 4096, None) == 0
else:
    assert libc.umount2(b"/proc/meminfo", 2) == 0  # MNT_DETACH
"""
DAY = """
import json, subprocess, time, urllib.parse, urllib.request
form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
inspect = ["docker", "inspect", "--format", form, "jira-uat-metrics"]
address = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.split()[0]
def ask(path, body=None, **asked):
    url = f"http://{address}:8428{path}?{urllib.parse.urlencode(asked)}"
    return urllib.request.urlopen(url, None if body is None else body.encode(), 30).read()
match = {"match[]": 'jira_disk_available_bytes{disk="data"}'}
(labels,) = json.loads(ask("/api/v1/series", **match))["data"]
name = labels.pop("__name__")
pairs = ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
df = ["df", "--block-size=1", "--output=size,avail", "/mnt/data"]
size, left = map(int, subprocess.run(df, check=True, capture_output=True, text=True).stdout.split()[-2:])
now = int(time.time())
ask("/api/v1/admin/tsdb/delete_series", "", **match)
ask("/api/v1/import/prometheus", "".join(
    f"{name}{{{pairs}}} {left + (size * 0.9 - left) * age / 86400:.0f} {(now - age) * 1000}\\n"
    for age in range(86400, 0, -60)
))
ask("/internal/resetRollupResultCache")
"""
"""What is known of the data's disk is a day, in which it came to what is left now."""
FALLEN = 0.45
"""What is left of it, of its size."""


@pytest.fixture(scope="module")
def uat(folder: Path) -> Iterator[Uat]:
    with watched(folder) as uat:
        yield uat


@pytest.fixture(scope="module")
def asked(uat: Uat) -> Iterator[None]:
    """Somebody asks for an issue, and somebody for a page, all the time."""
    with uat.target.http() as client:
        api = Api(uat.target, client).login()
        issue, page = api.create("asked for again and again"), uat.target.url("web")
        with asking(lambda: api.issue(issue), pause=0.3), asking(lambda: client.get(page), pause=0.3):
            yield


def test_they_are_told(uat: Uat, asked: None) -> None:
    ssh = uat.ssh

    def again(*statements: str) -> None:
        """In one session each time, until it is killed, half an hour at most."""
        session = shlex.join(
            ["psql", "-U", "postgres", "-d", "jira", "-Atq", *(w for one in statements for w in ("-c", one))]
        )
        endless = shlex.join(["timeout", "1800", "bash", "-c", f"while :; do {session}; done"])
        ssh(f"docker exec --detach jira-uat-postgres {endless}")

    egress = ssh("docker network ls --quiet --filter label=jira-plus-plus.network=egress").strip()

    def much_log() -> None:
        ssh(f"docker network disconnect {egress} jira-uat-postgres")
        sql(uat.target, MUCH_LOG)

    def sent() -> None:
        ssh(f"docker network connect {egress} jira-uat-postgres")
        waiting = "sudo find /mnt/data/postgres/pg_wal/archive_status -name '*.ready' | wc -l"
        seconds_until("the log is sent", lambda: int(ssh(waiting)) < 3, 600, every=5)
        for statement in ("checkpoint", "select pg_switch_wal()", "checkpoint"):
            sql(uat.target, statement)

    uat.make(
        Fault(
            "ApiSlow",
            "a session locks the table of issues for three of each four seconds",
            "One in twenty requests to the API takes more than",
            lambda: again(*LOCK),
            lambda: ssh("sudo pkill -f '[l]ock table issues'"),
        ),
        Fault(
            "BackupMissing",
            "the note of the last backup says two days ago, and the backup's container is stopped",
            "The newest good backup is",
            lambda: ssh(
                f"docker stop jira-uat-backup; sudo cp --archive {STATUS} {STATUS}.kept; sudo sed -i "
                f"'s/\"finished\": [0-9]*/\"finished\": '$(($(date +%s) - 172800))'/' {STATUS}"
            ),
            lambda: ssh(f"sudo mv {STATUS}.kept {STATUS}; docker start jira-uat-backup"),
        ),
        Fault(
            "WalGrowing",
            f"the log has no way to its bucket, and {FILES_OF_LOG} files of it are written",
            "The database keeps",
            much_log,
            sent,
        ),
        Fault(
            "RequestsRefused",
            "the proxy's limit is lowered by hand to one request in four seconds",
            "Somebody asks too much, and is refused",
            lambda: ssh(f"sudo cp --archive {ROUTES} /var/tmp/routes.kept; sudo sed -i '{LOWER}' {ROUTES}"),
            lambda: ssh(f"sudo mv /var/tmp/routes.kept {ROUTES}; sudo touch {ROUTES}"),
        ),
    )
    assert missed(uat.rows, "told") == []
    assert uat.slack.mistakes == []


def test_what_the_proxy_and_the_exporter_are_shown_and_a_day_of_the_disk_are_told(uat: Uat) -> None:
    def python(script: str, *words: str) -> str:
        return uat.ssh(f"sudo python3 -c {shlex.quote(script)} {shlex.join(words)}")

    def certificate(which: str) -> None:
        python(CERTIFICATE, which)
        uat.ssh("docker restart jira-uat-traefik")  # until then it tells of the one before as well

    def fallen() -> None:
        size, left = map(int, uat.ssh("df --block-size=1 --output=size,avail /mnt/data").split()[-2:])
        uat.ssh(f"sudo fallocate --length {left - int(size * FALLEN)} /mnt/data/ballast")
        python(DAY)

    uat.make(
        Fault(
            "DiskFullSoon",
            "somebody's file takes half of the data's disk, and the day before is written into the store: a "
            "disk that came to it bit by bit",
            "The disk data is full in less than four days",
            fallen,
            lambda: uat.ssh("sudo rm /mnt/data/ballast"),
        ),
        Fault(
            "CertificateExpires",
            "the proxy has a certificate of ten days in place of its own",
            "The certificate of ",
            lambda: certificate("short"),
            lambda: certificate("own"),
        ),
        Fault(
            "HostMemoryLow",
            "the exporter is shown a machine with 3 % of its memory left (that of this one is shared)",
            "of the memory of the machine are left",
            lambda: python(MEMORY, "little"),
            lambda: python(MEMORY, "own"),
        ),
    )
    assert missed(uat.rows, "told") == []


def test_an_exporter_that_is_not_let_in_wakes_nobody(uat: Uat) -> None:
    secret = sql(uat.target, "select rolpassword from pg_authid where rolname = $$monitoring$$")
    before = len(uat.slack.messages)
    fault = Fault(
        "NotMeasured",
        "somebody changes the password of the database's exporter",
        "Nothing is known of postgres",
        lambda: (
            sql(uat.target, "alter role monitoring password $$another$$"),
            uat.ssh("docker restart jira-uat-postgres-exporter"),
        ),
        lambda: sql(uat.target, f"alter role monitoring password $${secret}$$"),
    )
    uat.make(fault)
    assert missed([fault], "told") == []
    assert not [one for one in uat.slack.messages[before:] if "*Postgres does not answer*" in one.text]


def test_their_ends_are_told(uat: Uat, asked: None) -> None:
    uat.end(*uat.rows)
    assert missed(uat.rows, "ended") == []
    seconds_until("the stack is whole", lambda: whole(uat.target), 120)
