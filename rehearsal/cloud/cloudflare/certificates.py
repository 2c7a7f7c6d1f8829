"""Origin CA certificates: a signing request goes in, a certificate for the zone's hosts comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.envelope import body_of, page, wrap
from rehearsal.cloud.cloudflare.zones import zone_of_host
from rehearsal.cloud.errors import CloudflareError, cloudflare_invalid
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now_micro
from rehearsal.cloud.router import Routes

if TYPE_CHECKING:
    from cryptography.x509 import CertificateSigningRequest

KIND = "origin_ca_certificate"
VALIDITIES = (7, 30, 90, 365, 730, 1095, 5475)
TYPES = ("origin-rsa", "origin-ecc", "keyless-certificate")
routes = Routes()


def _hosts(cloud: Cloud, body: Record) -> list[str]:
    hosts = body.get("hostnames")
    if not isinstance(hosts, list) or not hosts or not all(isinstance(host, str) and host for host in hosts):
        raise cloudflare_invalid(1003, "hostnames must be a list of at least one host name")
    for host in hosts:
        if zone_of_host(cloud, host) is None:
            raise cloudflare_invalid(
                1010,
                f"Failed to validate requested hostname {host}: This zone is either not part of your "
                "account, or you do not have access to it. "
                "Please contact support if using a multi-user organization.",
            )
    return hosts


def _request(text: object, kind: str) -> CertificateSigningRequest:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        csr = x509.load_pem_x509_csr(str(text).encode())
        valid = csr.is_signature_valid
    except ValueError:
        valid = False
    if not valid:
        raise cloudflare_invalid(1001, "csr is not a valid certificate signing request in PEM")
    key = csr.public_key()
    fits = {"origin-rsa": rsa.RSAPublicKey, "origin-ecc": ec.EllipticCurvePublicKey}.get(kind)
    if fits and not isinstance(key, fits):
        raise cloudflare_invalid(1005, f"the key of the csr does not fit request_type {kind}")
    return csr


@routes.add("POST", "/certificates")
def create(cloud: Cloud, request: Request) -> Response:
    """Signs."""
    body = body_of(request)
    kind, days = body.get("request_type"), body.get("requested_validity", 5475)
    if kind not in TYPES:
        raise cloudflare_invalid(1004, f"request_type must be one of {', '.join(TYPES)}")
    if days not in VALIDITIES:
        raise cloudflare_invalid(
            1006, f"requested_validity must be one of {', '.join(map(str, VALIDITIES))} days"
        )
    hosts = _hosts(cloud, body)
    csr = _request(body.get("csr"), kind)
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = cloud.authority.sign(csr, hosts, int(days))
    record: Record = {
        "id": str(certificate.serial_number),
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
        "csr": body["csr"],
        "hostnames": hosts,
        "expires_on": certificate.not_valid_after_utc.strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
        "request_type": kind,
        "requested_validity": int(days),
    }
    cloud.store.put(KIND, record)
    return wrap(record)


def _wanted(cloud: Cloud, request: Request) -> Record:
    record = cloud.store.get(KIND, request.params["id"])
    if record is None:
        raise CloudflareError(404, 1101, "Certificate not found")
    return record


@routes.add("GET", "/certificates")
def list_certificates(cloud: Cloud, request: Request) -> Response:
    """Those that were not revoked, of a zone if `zone_id` is given."""
    found = cloud.store.all(KIND)
    zone = request.first("zone_id")
    if zone:
        found = [one for one in found if (zone_of_host(cloud, one["hostnames"][0]) or {}).get("id") == zone]
    return page(request, found)


@routes.add("GET", "/certificates/{id}")
def get(cloud: Cloud, request: Request) -> Response:
    """One certificate."""
    return wrap(_wanted(cloud, request))


@routes.add("DELETE", "/certificates/{id}")
def revoke(cloud: Cloud, request: Request) -> Response:
    """Revokes and forgets a certificate."""
    record = _wanted(cloud, request)
    cloud.store.delete(KIND, record["id"])
    return wrap({"id": record["id"], "revoked_at": now_micro()})
