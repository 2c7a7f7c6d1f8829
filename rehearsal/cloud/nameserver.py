"""The embedded Cloudflare's name server: what its zones hold now, asked by DNS on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rehearsal.cloud.cloudflare import dns, zones

if TYPE_CHECKING:
    from dnslib import DNSRecord
    from dnslib.server import DNSHandler, DNSServer

    from rehearsal.cloud.cloud import Cloud

ADDRESS = "127.0.0.1"
TRIES = 20
"""For a port that is free by UDP and by TCP."""
SECONDS = 0
"""Nothing is to be kept: what is asked for a certificate is there for moments."""


class Zones:
    """Answers for dnslib's server: A, AAAA, CNAME and TXT as they were given, and a zone's SOA.

    Of a proxied name the real one tells Cloudflare's addresses; nobody here asks for these.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def resolve(self, request: DNSRecord, _handler: DNSHandler) -> DNSRecord:
        """The answer; NXDOMAIN where no zone has the name, REFUSED where no zone would."""
        from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, SOA, TXT, A

        made = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "TXT": TXT}
        reply = request.reply()
        name, kind = str(request.q.qname).lower().rstrip("."), QTYPE[request.q.qtype]
        zone = next((known for known in self._zones() if f".{name}".endswith(f".{known}")), None)
        if zone is None:
            reply.header.rcode = RCODE.REFUSED
            return reply
        records = [record for record in self._cloud.store.all(dns.KIND) if record["name"] == name]
        for record in records:
            if record["type"] in (kind, "CNAME") and record["type"] in made:
                data = made[record["type"]](record["content"].strip('"'))
                reply.add_answer(RR(name, getattr(QTYPE, record["type"]), rdata=data, ttl=SECONDS))
        authority = RR(zone, QTYPE.SOA, rdata=SOA(f"ns.{zone}", f"dns.{zone}"), ttl=SECONDS)
        if name == zone and kind == "SOA":
            reply.add_answer(authority)
        elif not reply.rr:
            reply.add_auth(authority)
            reply.header.rcode = RCODE.NOERROR if records or name == zone else RCODE.NXDOMAIN
        return reply

    def _zones(self) -> list[str]:
        return [str(zone["name"]) for zone in self._cloud.store.all(zones.KIND)]


@contextmanager
def serving(cloud: Cloud) -> Iterator[str]:
    """Serves by UDP and TCP on one port; where, as `address:port`."""
    servers = _both(Zones(cloud))
    for server in servers:
        server.start_thread()
    try:
        yield f"{ADDRESS}:{servers[0].server.server_address[1]}"
    finally:
        for server in servers:
            server.stop()
            server.server.server_close()


def _both(resolver: Zones) -> tuple[DNSServer, DNSServer]:
    """On one port, by UDP and by TCP: one that is free for the first may be taken for the second."""
    from dnslib.server import DNSLogger, DNSServer

    quiet = DNSLogger("-request,-reply,-truncated,-error", prefix=False)
    for tried in range(TRIES):
        by_udp = DNSServer(resolver, address=ADDRESS, port=0, logger=quiet)
        port = by_udp.server.server_address[1]
        try:
            return by_udp, DNSServer(resolver, address=ADDRESS, port=port, tcp=True, logger=quiet)
        except OSError:
            by_udp.server.server_close()
            if tried + 1 == TRIES:
                raise
    raise AssertionError("unreachable")
