"""What must hold between settings. Each rule takes the sections that it compares and yields what it finds.

A rule whose sections are not all sound by themselves is not asked: what it would say could be wrong.
"""

import inspect
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

from components.settings.application import Application
from components.settings.backup import Backup
from components.settings.catalogue import (
    LOCATIONS,
    RETIRED,
    SERVER_TYPES,
    ServerType,
    known,
    meant,
    successor,
)
from components.settings.development import Development, Source, Sources
from components.settings.domain import Domain
from components.settings.edge import Edge
from components.settings.env_file import mistakes
from components.settings.examples import examples_are_replaced
from components.settings.firewall import (
    networks_are_few_and_apart,
    networks_are_not_the_world,
    networks_can_arrive,
    worldwide,
)
from components.settings.host import Host
from components.settings.images import LOGS, MONITORING, Images, parse
from components.settings.memory import memory_budget, server_memory_mb
from components.settings.monitoring import Monitoring
from components.settings.network import unroutable
from components.settings.problem import NOTHING, Problem
from components.settings.release import Release
from components.settings.report import Screen
from components.settings.section import Section
from components.settings.services import Service, Services
from components.settings.tls import LETS_ENCRYPT, STAGING, Tls

_show = Screen().show

STORAGE_LOCATIONS = ("fsn1", "hel1", "nbg1")
"""Of Hetzner's Object Storage (https://docs.hetzner.com/storage/object-storage/overview)."""
CANARY = "release.canary.image"
MAXIMUM_OF_A_NAME = 253
_STACK = re.compile(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?")
MAXIMUM_OF_KEYS_BYTES = 10_000
"""Hetzner takes 32 KiB of `user_data`, and the keys are a part of it."""

_KEYS_OF_A_SERVER = frozenset(
    {
        "server_type",
        "server_type_fallbacks",
        "location",
        "image",
        "volume",
        "backups",
        "protected",
        "swap_mb",
        "ssh",
    }
)
_NOT_FOR_KIND: Mapping[str, frozenset[str]] = {
    "hetzner": frozenset(
        {"address", "memory_mb", "http_port", "shared", "ssh.user", "ssh.port", "ssh.host_key"}
    ),
    "existing": (_KEYS_OF_A_SERVER - {"protected", "swap_mb", "ssh"})
    | {"http_port", "ssh.allowed_networks", "ssh.allow_any_network", "ssh.allow_own_address"},
    "local": _KEYS_OF_A_SERVER | {"address", "shared"},
}


def keys_belong_to_the_kind(host: Host) -> Iterator[Problem]:
    """A key that has no effect misleads whoever reads it."""
    given = {*host.model_fields_set, *(f"ssh.{name}" for name in host.ssh.model_fields_set)}
    if host.kind == "hetzner" and any(known(name) is None for name in _ordered(host)):
        given -= {"memory_mb"}  # which only then has a meaning
    for name in sorted(given & _NOT_FOR_KIND[host.kind]):
        section, _, leaf = name.rpartition(".")
        value = getattr(host.ssh if section else host, leaf)
        shown = "a mapping" if isinstance(value, Section) else _show(f"host.{name}", value)
        yield Problem(f"host.{name}", shown, f"has no effect for host.kind {host.kind}", "remove it")


def server_types_are_sold(host: Host) -> Iterator[Problem]:
    """Not every location sells every type, and a fallback must be able to stand in for the first choice.

    The first choice may be a retired type: a server that is of it runs on. Whether one is, Hetzner is asked
    (`components/preflight`).
    """
    if host.kind != "hetzner":
        return
    first = known(host.server_type)
    yield from _known_or_described("host.server_type", host.server_type, host)
    if first is not None and first.name not in RETIRED:
        yield from _sold_at("host.server_type", first, host.location)
    # The first choice may be in the list: the deploy runner has written one of them there.
    seen: set[str] = set()
    for index, name in enumerate(host.server_type_fallbacks):
        path, fallback = f"host.server_type_fallbacks[{index}]", known(name)
        if name in seen:
            yield Problem(path, _show(path, name), "is named before", "remove it")
        elif fallback is None:
            yield from _known_or_described(path, name, host)
        elif name in RETIRED and name != host.server_type:
            yield Problem(path, _show(path, name), IS_RETIRED, f"use {use_instead(fallback)}")
        elif first is not None and fallback.architecture != first.architecture:
            yield Problem(
                path,
                _show(path, name),
                f"is {fallback.architecture}, but host.server_type {first.name} is {first.architecture}",
                f"use a type of {first.architecture}",
            )
        elif name not in RETIRED:
            yield from _sold_at(path, fallback, host.location)
        seen.add(name)


IS_RETIRED = "is retired: Hetzner takes no orders for it"


def use_instead(retired: ServerType) -> str:
    """What to order in place of a retired type."""
    name = successor(retired)
    return f"{name}, its successor" if name else f"one of {', '.join(SERVER_TYPES)}"


def _known_or_described(path: str, name: str, host: Host) -> Iterator[Problem]:
    if known(name) is not None or host.memory_mb is not None:
        return
    guess = meant(name)
    guessed = f"did you mean {guess}?" if guess else f"use one of {', '.join(SERVER_TYPES)}."
    yield Problem(
        path,
        _show(path, name),
        "is no server type that this program knows",
        f"{guessed} If it is a newer one of Hetzner's, say how much memory it has: host.memory_mb",
    )


def _ordered(host: Host) -> tuple[str, ...]:
    """The types that may be ordered, or run already."""
    return (host.server_type, *host.server_type_fallbacks)


def _sold_at(path: str, server_type: ServerType, location: str) -> Iterator[Problem]:
    if location not in server_type.eur_per_month:
        sold = [name for name in LOCATIONS if name in server_type.eur_per_month]
        yield Problem(
            path,
            _show(path, server_type.name),
            f"is not sold at host.location {location}",
            f"use another type, or a location that sells it: {', '.join(sold)}",
        )


def server_can_be_reached(host: Host) -> Iterator[Problem]:
    """The program itself comes by ssh; and ssh for the whole world is a choice to be made in writing."""
    path = "host.ssh.allowed_networks"
    ssh = host.ssh
    ways = ssh.allowed_networks or ssh.allow_any_network or ssh.allow_own_address
    if host.kind == "hetzner" and not ways:
        yield Problem(
            path,
            "[]",
            "lets nobody reach the server, and `pulumi up` itself configures it over ssh",
            "name the networks of your office and VPN, e.g. [203.0.113.0/24], or set "
            "host.ssh.allow_own_address: true",
        )
    if ssh.allow_any_network and ssh.allow_own_address:
        yield Problem(
            "host.ssh.allow_own_address",
            "true",
            "has no effect beside host.ssh.allow_any_network, which opens ssh to the whole world",
            "remove one of the two",
        )
    if ssh.allow_any_network and ssh.allowed_networks:
        yield Problem(
            path,
            _show(path, ssh.allowed_networks),
            "has no effect beside host.ssh.allow_any_network, which opens ssh to the whole world",
            "remove one of the two",
        )


def existing_server_is_described(host: Host) -> Iterator[Problem]:
    """Of a server that the program did not order, it must be told what it cannot know."""
    if host.kind != "existing":
        return
    for path, value, what in (
        ("host.address", host.address, "its public IPv4 address"),
        (
            "host.ssh.host_key",
            host.ssh.host_key,
            "its public host key, as `ssh-keyscan -t ed25519 <address>` prints it",
        ),
        ("host.memory_mb", host.memory_mb, "its memory in MB, as `free -m` prints it"),
    ):
        if value is None:
            yield Problem(path, NOTHING, "is required for host.kind existing", f"add {what}")


def stack_names_a_server(host: Host, stack: str) -> Iterator[Problem]:
    """Hetzner takes host names (RFC 1123) of 63 characters, `jira-plus-plus-` among them."""
    if host.kind == "hetzner" and not _STACK.fullmatch(stack):
        yield Problem(
            "the name of the stack",
            _show("stack", stack),
            "is a part of the server's host name",
            "name it with lower-case letters, digits and inner hyphens, at most 48: pulumi stack rename",
        )


def existing_server_is_public(host: Host, rehearsed: bool) -> Iterator[Problem]:
    """Cloudflare refuses an address that it cannot reach (error 9003), after the server was prepared."""
    if host.kind != "existing" or host.address is None or rehearsed:
        return
    if kind := unroutable(ipaddress.ip_address(host.address)):
        yield Problem(
            "host.address",
            _show("host.address", host.address),
            f"is {kind}: Cloudflare cannot reach it",
            "write the server's public address",
        )


def keys_are_of_one_each(host: Host) -> Iterator[Problem]:
    """A key twice is a person that was meant and is not there; too many do not fit what Hetzner takes."""
    path, keys = "host.ssh.authorized_keys", host.ssh.authorized_keys
    seen: dict[str, int] = {}
    for index, key in enumerate(keys):
        first = seen.setdefault(key.split()[1], index)
        if first != index:
            at = f"{path}[{index}]"
            yield Problem(at, _show(at, key), f"is the key of {path}[{first}] too", "remove one of the two")
    if (size := sum(map(len, keys))) > MAXIMUM_OF_KEYS_BYTES:
        yield Problem(
            path,
            f"{len(keys)} keys",
            f"have {size} bytes, and a new server can be told {MAXIMUM_OF_KEYS_BYTES} bytes of keys",
            "name fewer, or ed25519 keys, which are short",
        )


def protection_covers_the_data(host: Host) -> Iterator[Problem]:
    """A protected server with a volume that anyone can delete protects the wrong thing."""
    if host.kind == "hetzner" and host.protected and not host.volume.protected:
        yield Problem(
            "host.volume.protected",
            "false",
            "leaves the data unprotected on a protected host",
            "set it to true",
        )


def protected_images_are_pinned(host: Host, images: Images, release: Release) -> Iterator[Problem]:
    """A tag can be moved to another image; what serves customers must be what was tested."""
    if not host.protected:
        return
    named = {f"images.{name}": getattr(images, name) for name in Images.model_fields}
    if release.canary:
        named[CANARY] = release.canary.image
    for path, reference in named.items():
        if reference is not None and parse(reference).digest is None:
            yield Problem(
                path,
                _show(path, reference),
                "has no digest, and host.protected demands one",
                "append @ and what `docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "
                f"{reference}` prints",
            )


def a_canary_is_another(images: Images, release: Release) -> Iterator[Problem]:
    """Of the same image it shows nothing; whoever has promoted one has left it beside itself."""
    if release.canary and release.canary.image == images.api:
        yield Problem(
            CANARY,
            _show(CANARY, release.canary.image),
            "is images.api, too: it was promoted, or is not another image",
            "remove release.canary",
        )


def protected_data_is_real(host: Host, application: Application) -> Iterator[Problem]:
    """Sample projects have no place among customers' data."""
    if host.protected and application.seed_data:
        yield Problem(
            "application.seed_data",
            "true",
            "would put sample projects into a protected stack",
            "set it to false",
        )


def names_differ(domain: Domain) -> Iterator[Problem]:
    """Each host name leads to one service."""
    for first, second in combinations(domain.host_names, 2):
        if getattr(domain, first) == getattr(domain, second):
            path = f"domain.{second}"
            yield Problem(
                path,
                _show(path, getattr(domain, second)),
                f"is the name of domain.{first} too",
                "choose another",
            )


def names_are_short_enough(domain: Domain) -> Iterator[Problem]:
    """RFC 1035, 2.3.4, less the dots and lengths that the wire adds."""
    for purpose, host_name in domain.host_names.items():
        if len(host_name) > MAXIMUM_OF_A_NAME:
            path = f"domain.{purpose}"
            yield Problem(
                path,
                _show(path, getattr(domain, purpose)),
                f"makes a host name of {len(host_name)} characters, and DNS takes {MAXIMUM_OF_A_NAME}",
                "choose a shorter one",
            )


def zone_fits_the_kind(host: Host, domain: Domain) -> Iterator[Problem]:
    """A zone is served by Cloudflare; `*.localhost` leads to this machine without any DNS."""
    if host.kind == "local":
        if domain.zone_id is not None:
            shown = _show("domain.zone_id", domain.zone_id)
            yield Problem("domain.zone_id", shown, "has no effect for host.kind local", "remove it")
        if domain.zone != "localhost":
            shown = _show("domain.zone", domain.zone)
            yield Problem(
                "domain.zone", shown, "does not lead to this machine", "use localhost for host.kind local"
            )
        return
    if domain.zone == "localhost":
        yield Problem(
            "domain.zone",
            '"localhost"',
            f"is no zone for host.kind {host.kind}",
            "write the zone, e.g. example.com",
        )
    if domain.zone_id is None:
        yield Problem(
            "domain.zone_id",
            NOTHING,
            f"is required for host.kind {host.kind}",
            "copy the 32 hexadecimal digits from Cloudflare's overview page of the zone",
        )


def proxies_are_few(host: Host, edge: Edge) -> Iterator[Problem]:
    """Who may name the client can name any."""
    yield from worldwide(
        "edge.proxies",
        edge.proxies,
        "lets anyone name the client",
        "name the networks of the proxies, or write [] for Cloudflare's ranges",
    )
    if host.kind == "local" and edge.proxies:
        shown = _show("edge.proxies", edge.proxies)
        yield Problem("edge.proxies", shown, "has no effect for host.kind local", "remove it")


def sources_are_enforced(host: Host, edge: Edge) -> Iterator[Problem]:
    """Only Hetzner's firewall filters by source; Docker's published ports bypass a host's own."""
    if host.kind != "hetzner" and edge.http_sources:
        yield Problem(
            "edge.http_sources",
            _show("edge.http_sources", edge.http_sources),
            f"has no effect for host.kind {host.kind}: there is no firewall of Hetzner's before it",
            "remove it, and let the firewall of whoever runs the server filter ports 80 and 443",
        )


def zone_settings_are_cloudflares(host: Host, edge: Edge) -> Iterator[Problem]:
    """Without a zone there is nothing to change or to keep."""
    if host.kind == "local" and edge.zone_settings is not None:
        path = "edge.zone_settings"
        shown = _show(path, edge.zone_settings)
        yield Problem(path, shown, "has no effect for host.kind local", "remove it")


def certificate_fits_the_kind(host: Host, tls: Tls) -> Iterator[Problem]:
    """No authority vouches for this machine, and Cloudflare takes no plain HTTP from a server."""
    shown = _show("tls.mode", tls.mode)
    if host.kind == "local" and tls.mode in ("dns-01", "origin-ca"):
        yield Problem(
            "tls.mode", shown, "needs a zone at Cloudflare", "use none or self-signed for host.kind local"
        )
    if host.kind != "local" and tls.mode == "none":
        yield Problem(
            "tls.mode",
            shown,
            "would send passwords in the clear, and Full (strict) refuses it",
            "use dns-01 or origin-ca",
        )
    if host.kind != "local" and tls.mode == "self-signed":
        yield Problem(
            "tls.mode",
            shown,
            "is a certificate that nobody vouches for: Full (strict) refuses it, and every page is error 526",
            "use origin-ca or dns-01",
        )
    if host.kind != "local" and tls.mode == "dns-01" and tls.acme_server.startswith(STAGING):
        yield Problem(
            "tls.acme_server",
            _show("tls.acme_server", tls.acme_server),
            "signs with a root that nobody trusts: Full (strict) refuses it, and every page is error 526",
            f"use {LETS_ENCRYPT}, or tls.mode origin-ca, which has no limit that trials could use up",
        )
    if tls.mode == "dns-01" and tls.acme_email is None:
        yield Problem(
            "tls.acme_email",
            NOTHING,
            "is required for tls.mode dns-01",
            "add the address of whoever runs this stack",
        )


def origins_are_the_ones_we_serve(
    host: Host, domain: Domain, application: Application, tls: Tls
) -> Iterator[Problem]:
    """The web application calls the API across origins, and only https keeps a session to itself."""
    for index, origin in enumerate(application.cors_origins):
        if origin.startswith("http://") and host.kind != "local":
            path = f"application.cors_origins[{index}]"
            yield Problem(
                path, _show(path, origin), "is not https", f"use https://{origin.removeprefix('http://')}"
            )
    ours = f"https://{domain.host_names['web']}"
    if host.kind == "local":
        ours = f"{'http' if tls.mode == 'none' else 'https'}://{domain.host_names['web']}:{host.http_port}"
    insecure = ours.replace("https://", "http://")
    if ours not in application.cors_origins and insecure not in application.cors_origins:
        yield Problem(
            "application.cors_origins",
            _show("application.cors_origins", application.cors_origins),
            "leaves out the web application itself, which could not call the API",
            f"add {ours}",
        )


def graphql_is_closed_in_public(host: Host, application: Application) -> Iterator[Problem]:
    """Playground and introspection show a stranger the whole API."""
    if host.kind == "local":
        return
    for name in ("graphql_playground", "graphql_introspection"):
        if getattr(application, name):
            yield Problem(
                f"application.{name}",
                "true",
                "shows the API to strangers",
                "set it to false, and use the local stack to explore",
            )


def memory_fits(
    host: Host, services: Services, release: Release, monitoring: Monitoring
) -> Iterator[Problem]:
    """The sum of the limits must fit, on the fallbacks too: else the kernel chooses what to kill."""
    budget = memory_budget(host, services, release, monitoring)
    parts = (
        f"{sum(budget.services.values())} MB of services, {budget.release_mb} MB that a release adds,"
        f" {budget.reserve_mb} MB for the system"
    )
    for path, name, memory_mb in _machines(host):
        if memory_mb is not None and budget.limit_mb > memory_mb:
            yield Problem(
                path,
                name,
                f"gives {memory_mb} MB, but the limits need {budget.limit_mb} MB ({parts})",
                f"take a larger server, or lower services.*.memory_mb by {budget.limit_mb - memory_mb} MB",
            )


def _machines(host: Host) -> Iterator[tuple[str, str, int | None]]:
    if host.kind != "hetzner":
        yield "host.memory_mb", _show("host.memory_mb", host.memory_mb), server_memory_mb(host)
        return
    yield "host.server_type", _show("host.server_type", host.server_type), server_memory_mb(host)
    for index, name in enumerate(host.server_type_fallbacks):
        path, fallback = f"host.server_type_fallbacks[{index}]", known(name)
        yield path, _show(path, name), fallback.memory_mb if fallback else host.memory_mb


def cpus_fit(host: Host, services: Services) -> Iterator[Problem]:
    """Docker refuses a container that may use more cores than there are."""
    if host.kind != "hetzner":
        return
    types = [server_type for name in _ordered(host) if (server_type := known(name))]
    if not types:
        return
    smallest = min(types, key=lambda server_type: server_type.cores)
    for name in Services.model_fields:
        service: Service = getattr(services, name)
        if service.cpus > smallest.cores:
            path = f"services.{name}.cpus"
            yield Problem(
                path,
                f"{service.cpus:g}",
                f"is more than the {smallest.cores} cores of {smallest.name}",
                f"use at most {smallest.cores}",
            )


def temporal_tools_match_the_server(images: Images) -> Iterator[Problem]:
    """The tools carry the schema of one release; a server of another refuses to start on it."""
    server, tools = parse(images.temporal).version, parse(images.temporal_admin_tools).version
    if server and tools and server[:2] != tools[:2]:
        path = "images.temporal_admin_tools"
        wanted = ".".join(map(str, server))
        yield Problem(
            path,
            _show(path, images.temporal_admin_tools),
            f"carries the schema of another release than images.temporal {wanted}",
            f"use the tools of {'.'.join(map(str, server[:2]))}",
        )


def copies_are_elsewhere(host: Host, backup: Backup) -> Iterator[Problem]:
    """What takes a location takes the server, its volume and Hetzner's own images of them at once."""
    for name in ("offsite", "point_in_time"):
        path, bucket = f"backup.{name}.endpoint", getattr(backup, name)
        endpoint = bucket and bucket.endpoint
        if host.kind == "hetzner" and endpoint and endpoint.startswith(f"https://{host.location}."):
            others = ", ".join(one for one in STORAGE_LOCATIONS if one != host.location)
            yield Problem(
                path,
                _show(path, endpoint),
                f"is at host.location {host.location}: what takes the server takes the copies, too",
                f"take a bucket at another location ({others}), or of another service",
            )


def buckets_have_their_service(backup: Backup) -> Iterator[Problem]:
    """One that names no endpoint is R2's, which has rules of its own."""
    of_r2 = [(path, bucket) for path, _, bucket in backup.named if bucket.endpoint is None]
    for path, bucket in of_r2:
        if backup.r2 is None:
            yield Problem(
                f"{path}.endpoint",
                NOTHING,
                "is required, since there is no backup.r2",
                "write the endpoint of the S3 service, or backup.r2.account_id to have the bucket made there",
            )
            continue
        # https://developers.cloudflare.com/r2/api/error-codes/: InvalidBucketName
        if "." in bucket.bucket:
            yield Problem(
                f"{path}.bucket",
                _show(f"{path}.bucket", bucket.bucket),
                "has a dot in it, which R2 takes in no name of a bucket",
                "write 3 to 63 lower-case letters, digits and inner hyphens",
            )
        if bucket.region not in (None, "auto"):
            yield Problem(
                f"{path}.region",
                _show(f"{path}.region", bucket.region),
                "is no region of R2's, which has auto alone",
                "remove it; where the bucket lies is backup.r2.location",
            )
    if backup.r2 and not of_r2:
        yield Problem(
            "backup.r2",
            "a mapping",
            "names an account, and each bucket has an endpoint of another service",
            "remove it, or the endpoint of the bucket that is to be R2's",
        )


def archive_is_apart(backup: Backup) -> Iterator[Problem]:
    """Whoever empties one bucket by mistake, or has its key, has not both ways back."""
    archive, offsite = backup.point_in_time, backup.offsite
    if archive and offsite and (archive.endpoint, archive.bucket) == (offsite.endpoint, offsite.bucket):
        path = "backup.point_in_time.bucket"
        yield Problem(
            path,
            _show(path, archive.bucket),
            "is backup.offsite.bucket, too: one mistake would take both ways back",
            "make another bucket, with another key",
        )


def archive_has_its_image(images: Images, backup: Backup) -> Iterator[Problem]:
    """The official image has no pgBackRest, and the server calls it in its own container."""
    path = "images.postgres_archiving"
    if backup.point_in_time and images.postgres_archiving is None:
        yield Problem(
            path,
            NOTHING,
            "is required, since backup.point_in_time archives the database's log with pgBackRest",
            "write the image that .github/workflows/postgres-image.yml has made of images/postgres",
        )


def monitoring_has_its_images(host: Host, images: Images, monitoring: Monitoring) -> Iterator[Problem]:
    """They have no default: the versions live in the stack files."""
    for names, there, why, setting in (
        (MONITORING, monitoring.runs_on(host), "has metrics", "monitoring.enabled"),
        (LOGS, monitoring.logs_on(host), "keeps its logs", "monitoring.logs"),
    ):
        for name in names:
            if there and getattr(images, name) is None:
                yield Problem(
                    f"images.{name}",
                    NOTHING,
                    f"is required, since the stack {why}",
                    f"write it as in Pulumi.uat.yaml of a newer checkout, or set {setting} to false",
                )


def logs_have_a_journal(host: Host, monitoring: Monitoring) -> Iterator[Problem]:
    """They are the journal's, and found by the interface of the metrics."""
    path = "monitoring.logs"
    if not monitoring.logs:
        return
    if not monitoring.runs_on(host):
        yield Problem(
            path,
            _show(path, True),
            "is a part of the monitoring, which the stack has not",
            "remove it, or set monitoring.enabled to true",
        )
    elif host.kind == "local":
        yield Problem(
            path,
            _show(path, True),
            "takes the logs from a server's journal, and a developer's machine has none",
            "remove it, and read them with docker logs",
        )


def metrics_are_there_for_their_name(host: Host, domain: Domain, monitoring: Monitoring) -> Iterator[Problem]:
    """A name that leads to nothing is an error page for whoever follows it."""
    if domain.metrics is not None and not monitoring.runs_on(host):
        yield Problem(
            "domain.metrics",
            _show("domain.metrics", domain.metrics),
            "names an interface of metrics, and the stack has none",
            "remove it, or set monitoring.enabled to true",
        )


def grafana_has_what_it_needs(
    host: Host, domain: Domain, images: Images, monitoring: Monitoring
) -> Iterator[Problem]:
    """Metrics to show, an image, and a name under which somebody finds it."""
    shown = monitoring.shown_on(host)
    if monitoring.grafana and not shown:
        yield Problem(
            "monitoring.grafana",
            "true",
            "would show metrics, and the stack has none",
            "remove it, or set monitoring.enabled to true",
        )
    if shown and images.grafana is None:
        yield Problem(
            "images.grafana",
            NOTHING,
            "is required, since monitoring.grafana is on",
            "write it as in Pulumi.prod.yaml, or set monitoring.grafana to false",
        )
    if shown and domain.grafana is None:
        yield Problem(
            "domain.grafana",
            NOTHING,
            "is required, since monitoring.grafana is on, and nobody would find it",
            "name it, e.g. grafana, or set monitoring.grafana to false",
        )
    if domain.grafana is not None and not shown:
        yield Problem(
            "domain.grafana",
            _show("domain.grafana", domain.grafana),
            "is Grafana's name, and the stack has none",
            "remove it, or set monitoring.grafana to true",
        )


def masked_rows_are_apart(backup: Backup) -> Iterator[Problem]:
    """Whoever takes masked rows has keys to their bucket, and must find no others in it."""
    path, masked = "backup.masked.bucket", backup.masked
    for name, other in (("offsite", backup.offsite), ("point_in_time", backup.point_in_time)):
        if masked and other and (masked.endpoint, masked.bucket) == (other.endpoint, other.bucket):
            yield Problem(
                path,
                _show(path, masked.bucket),
                f"is backup.{name}.bucket: the keys to the masked rows would be keys to those as they are",
                "make another bucket, with keys of its own",
            )
    if masked and backup.reset:
        yield Problem(
            "backup.reset",
            "a mapping",
            "is for a stack that takes rows, and backup.masked is set, for one that hands its own on",
            "remove one of them",
        )


def a_reset_has_its_source(host: Host, application: Application, backup: Backup) -> Iterator[Problem]:
    """It throws away what is there: not where that is to be kept, nor for nothing."""
    path, reset = "backup.reset", backup.reset
    if reset is None:
        return
    if host.protected or host.volume.protected:
        yield Problem(
            path,
            "a mapping",
            "throws away the data of a stack that host.protected protects",
            "remove it here",
        )
    if reset.source == "masked" and reset.masked is None:
        yield Problem(
            f"{path}.masked",
            NOTHING,
            "is required, since backup.reset.source is masked",
            "add it, with the endpoint and bucket of backup.masked of the stack that exports",
        )
    if reset.source == "seed" and not application.seed_data:
        path = "application.seed_data"
        yield Problem(
            path,
            _show(path, False),
            "leaves the database empty that backup.reset.source seed makes anew",
            "set it to true, or take masked rows",
        )


def development_is_local(host: Host, development: Development) -> Iterator[Problem]:
    """What a developer edits must not reach a server: not by its settings, and not by its folder either."""
    if host.kind == "local":
        return
    for name in sorted(development.model_fields_set):
        path, value = f"development.{name}", getattr(development, name)
        yield Problem(
            path,
            "a mapping" if isinstance(value, Section) else _show(path, value),
            f"is for a developer's machine, and this is host.kind {host.kind}",
            "remove it here, and use the local stack",
        )


def development_is_there(host: Host, development: Development) -> Iterator[Problem]:
    """A developer's files are read, and their folders mounted, as they are now."""
    if host.kind != "local":
        return
    yield from mistakes(development)
    for name in Sources.model_fields:
        source: Source | None = getattr(development.sources, name)
        if source is not None and not source.folder.is_dir():
            path = f"development.sources.{name}.path"
            yield Problem(
                path,
                _show(path, source.path),
                "is no folder",
                "write where the sources are, from the root or from the folder of Pulumi.yaml",
            )


RULES: tuple[Callable[..., Iterator[Problem]], ...] = (
    keys_belong_to_the_kind,
    stack_names_a_server,
    server_types_are_sold,
    server_can_be_reached,
    existing_server_is_described,
    existing_server_is_public,
    protection_covers_the_data,
    protected_images_are_pinned,
    a_canary_is_another,
    protected_data_is_real,
    names_differ,
    names_are_short_enough,
    zone_fits_the_kind,
    proxies_are_few,
    networks_are_few_and_apart,
    networks_can_arrive,
    networks_are_not_the_world,
    keys_are_of_one_each,
    sources_are_enforced,
    zone_settings_are_cloudflares,
    certificate_fits_the_kind,
    origins_are_the_ones_we_serve,
    graphql_is_closed_in_public,
    memory_fits,
    cpus_fit,
    temporal_tools_match_the_server,
    copies_are_elsewhere,
    buckets_have_their_service,
    masked_rows_are_apart,
    a_reset_has_its_source,
    archive_is_apart,
    archive_has_its_image,
    monitoring_has_its_images,
    metrics_are_there_for_their_name,
    logs_have_a_journal,
    grafana_has_what_it_needs,
    examples_are_replaced,
    development_is_local,
    development_is_there,
)


def broken(sections: Mapping[str, Section | None], stack: str, *, rehearsed: bool) -> Iterator[Problem]:
    """What `RULES` find in the `sections` of `stack`, which are sound one by one.

    `rehearsed`: the providers' APIs are on this machine, and so are the servers.
    """
    there: Mapping[str, object] = {**sections, "stack": stack, "rehearsed": rehearsed}
    for rule in RULES:
        needed = inspect.signature(rule).parameters
        if needed.keys() <= there.keys():
            yield from rule(**{name: there[name] for name in needed})
