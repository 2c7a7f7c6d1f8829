"""What Traefik routes where, and what it does on the way: the configuration that it watches."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.monitoring.address import ALIAS, GRAFANA, GRAFANA_PORT, LOGS_ALIAS, LOGS_PORT, PORT
from components.services import clients
from components.settings.tls import Tls

SERVICES = {
    **{"api": "api", "web": "web", "temporal": "temporal-ui"},
    **{"metrics": "metrics", "grafana": "grafana"},
}
"""Traefik's service behind each of the names; `components.services.cutover` says what it is, but of the last
two, which are never there twice."""
LOOKING = (
    r"(/prometheus)?/vmui(/[A-Za-z0-9_.-]*)*",
    r"(/prometheus)?/api/v1/(query|query_range|labels|series|label/[A-Za-z_][A-Za-z0-9_]*/values)",
    r"(/prometheus)?/api/v1/status/(tsdb|top_queries|active_queries|metric_names_stats)",
    r"(/prometheus)?/(prettify-query|expand-with-exprs)",
    r"(/prometheus)?/vmalert/api/v1/(rules|alerts|group|rule|alert|notifiers)",
)
"""Paths of the store of metrics that its interface asks. Others write, delete, and show how it is run."""
LOGS = "logs"
"""Traefik's service behind the name of the metrics, for the paths below."""
SEARCHING = (
    r"/select/vmui(/[A-Za-z0-9_.-]*)*",
    r"/select/logsql/(query|query_time_range|hits|facets|tail|stats_query|stats_query_range)",
    r"/select/logsql/(streams|stream_ids|(stream_)?field_(names|values))",
    r"/select/(buildinfo|tenant_ids)",
)
"""Paths of the store of logs that its interface asks. Others write, delete, and show how it is run."""
ASSETS = "web-assets"
"""The same for the files of a build of the web application, which pages ask for that were opened before."""
AN_ASSET = "PathPrefix(`/assets/`) && (Method(`GET`) || Method(`HEAD`))"
"""In a rule: such a file. Vite puts them there (`build.assetsDir`), a hash of the content in the name."""
OPERATORS = ("metrics", "ready", "readyz")
"""First segments of paths that the application answers for its operator. Published is `/health`."""
NOT_THE_OPERATORS = rf"!PathRegexp(`(?i)^(/|\\|%2F)*({'|'.join(OPERATORS)})([^a-z0-9_-]|$)`)"
"""In a rule: none of them, nor below them, in no spelling that an application may take for one.

Case, a slash at the end or two at the start, what follows a `;` or a `.`: frameworks differ. Traefik matches
the path after it has removed `//`, `/./` and `/../` and decoded what is not reserved, but no slash.
https://doc.traefik.io/traefik/v3.7/security/request-path/
"""
BODY_LIMIT = 10 * 1024 * 1024
"""The largest body in bytes."""
NOT_SURELY_SMALL = (
    "(HeaderRegexp(`Content-Length`, `^[0-9]{8,}$`) || "
    "!HeaderRegexp(`Content-Length`, `^[0-9]`) && !Method(`GET`) && !Method(`HEAD`) && !Method(`OPTIONS`))"
)
"""In a rule: requests whose body may be beyond the limit, for they do not tell its length, or tell too much.

Only these are counted. Traefik counts a body by taking it whole, and then holds back the response, too, until
it is whole: what streams, or is larger than its memory, would never arrive.
"""


@dataclass(frozen=True)
class Routing:
    """What the routers are made of. `certificate`: certificate and key in PEM, where the program has them."""

    host_names: Mapping[str, str]
    tls: Tls
    temporal_users: Sequence[str]
    """`name:hash`."""
    metrics_users: Sequence[str]
    """Likewise; without a name for the metrics they are not used."""
    logs: bool
    """Whether logs are found by that name, too."""
    proxies: Sequence[str]
    """Networks of the peers that name their client, see `components.services.clients`."""
    only_proxies: bool
    """Whether nobody else can connect."""
    certificate: tuple[str, str] | None = None
    grafana_users: Sequence[str] = ()
    """As `metrics_users`; without a name for Grafana they are not used."""


def dynamic_config(routing: Routing) -> str:
    """What Traefik watches: routers, middlewares, TLS. Secret. JSON, which is YAML.

    https://doc.traefik.io/traefik/v3.7/reference/routing-configuration/dynamic-configuration-methods/
    """
    secure = routing.tls.mode != "none"
    config: dict[str, Any] = {
        "http": {
            "routers": {**entrances(routing), **services(routing)},
            "middlewares": {
                "security-headers": {"headers": security_headers(secure)},
                # Against a client that runs wild; floods are Cloudflare's to stop. Per second and client.
                "proxied-rate-limit": rate_limit(500, 1000, clients.HEADER),
                "direct-rate-limit": rate_limit(500, 1000),
                "proxied-client": removal(clients.INVENTED),
                "direct-client": removal((*clients.INVENTED, clients.HEADER)),
                "body-limit": {"buffering": {"maxRequestBodyBytes": BODY_LIMIT}},
                "compress": {"compress": {}},
                # For a container that has just gone: tried again only where no connection came about.
                "retry": {"retry": {"attempts": 4, "initialInterval": "100ms"}},
                "temporal-users": password("Temporal", routing.temporal_users),
            },
        }
    }
    if "metrics" in routing.host_names:
        config["http"]["middlewares"] |= {
            "metrics-users": password("Metrics", routing.metrics_users),
            "metrics-overview": {
                "redirectRegex": {"regex": "^(https?://[^/]+)/?$", "replacement": "${1}/vmui/#/dashboards"}
            },
        }
        config["http"]["services"] = {SERVICES["metrics"]: server(ALIAS, PORT)}
        if routing.logs:
            config["http"]["services"][LOGS] = server(LOGS_ALIAS, LOGS_PORT)
    if "grafana" in routing.host_names:
        # Grafana is told the password as well, and asks for no other.
        config["http"]["middlewares"]["grafana-users"] = password("Grafana", routing.grafana_users, told=True)
        config["http"].setdefault("services", {})[SERVICES["grafana"]] = server(GRAFANA, GRAFANA_PORT)
    if secure:
        # Without a name that is served there is no certificate to show.
        config["tls"] = {"options": {"default": {"minVersion": "VersionTLS12", "sniStrict": True}}}
        if routing.certificate:
            certificate, key = routing.certificate
            config["tls"]["certificates"] = [{"certFile": certificate, "keyFile": key}]
    return json.dumps(config, indent=2) + "\n"


def entrances(routing: Routing) -> dict[str, dict[str, Any]]:
    """The routers that a request meets first, by how its client is known; the others are their children.

    So what they do holds for every request, that for an unknown name too.
    https://doc.traefik.io/traefik/v3.7/reference/routing-configuration/http/routing/multi-layer-routing/
    """
    tls: dict[str, Any] = {"options": "default"}
    if routing.tls.mode == "dns-01":
        domains = [{"main": host_name} for host_name in routing.host_names.values()]
        tls |= {"certResolver": "acme", "domains": domains}
    if routing.tls.mode == "none":
        tls = {}

    def entrance(kind: str, rule: str, *entry_points: str) -> dict[str, Any]:
        return {
            "rule": rule,
            "entryPoints": list(entry_points),
            "middlewares": ["security-headers", f"{kind}-client"],
            **({"tls": tls} if tls else {}),
        }

    found, anyone = {}, "PathPrefix(`/`)"
    if routing.proxies:
        found["proxied"] = entrance("proxied", clients.within(routing.proxies), "websecure")
    if routing.only_proxies:
        # Docker hands on what comes by IPv6 under its gateway's address: here the firewall says who it is.
        found["proxied-ipv6"] = entrance("proxied", anyone, "websecure-ipv6")
    others = ("websecure",) if routing.only_proxies else ("websecure", "websecure-ipv6")
    found["direct"] = entrance("direct", anyone, *(others if tls else ("web",))) | {"priority": 1}
    return found


def services(routing: Routing) -> dict[str, dict[str, Any]]:
    """The routers to the services, for each kind of entrance: its limit knows how to tell clients apart.

    Each limit counts by itself, so that who guesses at Temporal's password has no less of the API.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind in ("proxied", "direct"):
        parents = [entrance for entrance in entrances(routing) if entrance.startswith(kind)]
        for name, purpose, service, condition, middlewares in (
            ("api", "api", SERVICES["api"], "", []),
            ("api-bodies", "api", SERVICES["api"], f" && {NOT_SURELY_SMALL}", ["body-limit"]),
            ("web", "web", SERVICES["web"], "", []),
            ("web-assets", "web", ASSETS, f" && {AN_ASSET}", []),
            # The password comes before the service: nothing of it is to be had without.
            ("temporal", "temporal", SERVICES["temporal"], "", ["temporal-users"]),
            ("metrics", "metrics", SERVICES["metrics"], f" && ({_any_of(LOOKING)})", ["metrics-users"]),
            (
                "metrics-root",
                "metrics",
                SERVICES["metrics"],
                " && Path(`/`)",
                ["metrics-users", "metrics-overview"],
            ),
            *(
                [("logs", "metrics", LOGS, f" && ({_any_of(SEARCHING)})", ["metrics-users"])]
                if routing.logs
                else []
            ),
            ("grafana", "grafana", SERVICES["grafana"], "", ["grafana-users"]),
        ):
            if parents and purpose in routing.host_names:
                found[f"{name}-{kind}"] = {
                    "rule": f"Host(`{routing.host_names[purpose]}`) && {NOT_THE_OPERATORS}{condition}",
                    "parentRefs": parents,
                    "service": service,
                    "middlewares": [f"{kind}-rate-limit", *middlewares, "compress", "retry"],
                }
    return found


def _any_of(paths: Sequence[str]) -> str:
    """In a rule: one of these paths, whole."""
    return f"PathRegexp(`^({'|'.join(paths)})$`)"


def server(container: str, port: int) -> dict[str, Any]:
    """A service of Traefik's that is one container."""
    return {"loadBalancer": {"servers": [{"url": f"http://{container}:{port}"}]}}


def password(realm: str, users: Sequence[str], *, told: bool = False) -> dict[str, Any]:
    """The middleware that asks for a password, and keeps it from what is behind, unless that is `told`."""
    return {"basicAuth": {"realm": realm, "users": list(users), "removeHeader": not told}}


def removal(headers: Sequence[str]) -> dict[str, Any]:
    """The middleware that takes these headers away from a request, and so from the log, too."""
    return {"headers": {"customRequestHeaders": dict.fromkeys(headers, "")}}


def rate_limit(average: int, burst: int, header: str | None = None) -> dict[str, Any]:
    """A limit per second for each value of `header`; None: for each peer."""
    source: dict[str, Any] = {"requestHeaderName": header} if header else {"ipStrategy": {"depth": 0}}
    return {"rateLimit": {"average": average, "burst": burst, "sourceCriterion": source}}


def security_headers(secure: bool) -> dict[str, Any]:
    """What every response carries. https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html"""
    headers: dict[str, Any] = {
        "contentTypeNosniff": True,
        "frameDeny": True,
        "referrerPolicy": "strict-origin-when-cross-origin",
        "permissionsPolicy": "camera=(), geolocation=(), microphone=()",
        "customResponseHeaders": {"Server": "", "X-Powered-By": ""},
    }
    if secure:
        headers["stsSeconds"] = 31536000
    return headers
