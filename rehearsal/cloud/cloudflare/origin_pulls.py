"""Authenticated origin pulls: the client certificate that Cloudflare shows to the origin."""

from __future__ import annotations

import secrets
from typing import Any

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.envelope import body_of, page, wrap
from rehearsal.cloud.cloudflare.zones import zone_of, zone_of_host
from rehearsal.cloud.errors import CloudflareError, cloudflare_invalid
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now_micro
from rehearsal.cloud.router import Routes

ZONE_CERTIFICATE = "origin_pull_certificate"
HOST_CERTIFICATE = "origin_pull_host_certificate"
ASSOCIATION = "origin_pull_host"
routes = Routes()


def _certificate(body: Record) -> Record:
    """What is kept of an uploaded pair: the certificate and what it says, never the private key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        certificate = x509.load_pem_x509_certificate(str(body.get("certificate")).encode())
    except ValueError:
        raise cloudflare_invalid(1406, "certificate is not a certificate in PEM") from None
    try:
        key = load_pem_private_key(str(body.get("private_key")).encode(), password=None)
    except (ValueError, TypeError):
        raise cloudflare_invalid(1407, "private_key is not a private key in PEM") from None
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*spki) != certificate.public_key().public_bytes(*spki):
        raise cloudflare_invalid(1408, "the private key does not belong to the certificate")
    return {
        "certificate": body["certificate"],
        "issuer": certificate.issuer.rfc4514_string(),
        "serial_number": str(certificate.serial_number),
        "signature": certificate.signature_algorithm_oid._name,
        "status": "active",
        "expires_on": certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        "uploaded_on": now_micro(),
    }


def _show(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "zone_id"}


def _collection(kind: str, path: str) -> None:
    """Upload, list, get and delete of one kind of certificate."""

    def wanted(cloud: Cloud, request: Request) -> Record:
        record = cloud.store.get(kind, request.params["id"])
        if record is None or record["zone_id"] != zone_of(cloud, request)["id"]:
            raise CloudflareError(404, 1405, "The requested certificate was not found")
        return record

    @routes.add("GET", path)
    def list_all(cloud: Cloud, request: Request) -> Response:
        """All certificates of the zone."""
        zone = zone_of(cloud, request)
        return page(request, [_show(one) for one in cloud.store.all(kind) if one["zone_id"] == zone["id"]])

    @routes.add("POST", path)
    def upload(cloud: Cloud, request: Request) -> Response:
        """Uploads a certificate with its private key."""
        zone = zone_of(cloud, request)
        record = {"id": secrets.token_hex(16), "zone_id": zone["id"], **_certificate(body_of(request))}
        if any(
            one["zone_id"] == zone["id"] and one["certificate"] == record["certificate"]
            for one in cloud.store.all(kind)
        ):
            raise cloudflare_invalid(1403, "This certificate has already been uploaded")
        cloud.store.put(kind, record)
        return wrap(_show(record))

    @routes.add("GET", path + "/{id}")
    def get(cloud: Cloud, request: Request) -> Response:
        """One certificate."""
        return wrap(_show(wanted(cloud, request)))

    @routes.add("DELETE", path + "/{id}")
    def delete(cloud: Cloud, request: Request) -> Response:
        """Removes a certificate that no host uses."""
        record = wanted(cloud, request)
        if any(one["cert_id"] == record["id"] for one in cloud.store.all(ASSOCIATION)):
            raise cloudflare_invalid(1404, "The certificate is still associated with a hostname")
        cloud.store.delete(kind, record["id"])
        return wrap(_show({**record, "status": "pending_deletion"}))


@routes.add("GET", "/zones/{zone}/origin_tls_client_auth/settings")
def get_settings(cloud: Cloud, request: Request) -> Response:
    """Whether the zone's certificate is shown to origins."""
    return wrap({"enabled": cloud.store.meta(f"origin_pulls/{zone_of(cloud, request)['id']}") == "true"})


@routes.add("PUT", "/zones/{zone}/origin_tls_client_auth/settings")
def put_settings(cloud: Cloud, request: Request) -> Response:
    """Turns it on or off."""
    zone, enabled = zone_of(cloud, request), body_of(request).get("enabled")
    if not isinstance(enabled, bool):
        raise cloudflare_invalid(1400, "enabled must be true or false")
    cloud.store.set_meta(f"origin_pulls/{zone['id']}", str(enabled).lower())
    return wrap({"enabled": enabled})


def _association(cloud: Cloud, record: Record) -> Record:
    certificate = cloud.store.get(HOST_CERTIFICATE, record["cert_id"]) or {}
    return {
        "hostname": record["hostname"],
        "cert_id": record["cert_id"],
        "enabled": record["enabled"],
        "status": "active",
        "created_at": record["created_at"],
        "updated_at": record["updated_at"],
        "cert_status": certificate.get("status"),
        "cert_uploaded_on": certificate.get("uploaded_on"),
        "cert_updated_at": certificate.get("uploaded_on"),
        **{
            key: certificate.get(key)
            for key in ("certificate", "issuer", "serial_number", "signature", "expires_on")
        },
    }


@routes.add("PUT", "/zones/{zone}/origin_tls_client_auth/hostnames")
def put_hostnames(cloud: Cloud, request: Request) -> Response:
    """Associates host names with certificates; `enabled` of null voids an association."""
    zone, config = zone_of(cloud, request), body_of(request).get("config")
    if not isinstance(config, list) or not config:
        raise cloudflare_invalid(1401, "config must be a list of hostname, cert_id and enabled")
    changed: list[Record] = []
    for item in config:
        entry: dict[str, Any] = item if isinstance(item, dict) else {}
        host, key, enabled = entry.get("hostname"), entry.get("cert_id"), entry.get("enabled")
        if not isinstance(host, str) or (zone_of_host(cloud, host) or {}).get("id") != zone["id"]:
            raise cloudflare_invalid(1402, f"hostname {host!r} is not in zone {zone['name']}")
        where = f"{zone['id']}/{host}"
        old = cloud.store.get(ASSOCIATION, where)
        if enabled is None:
            cloud.store.delete(ASSOCIATION, where)
            continue
        key = key or (old or {}).get("cert_id")
        certificate = cloud.store.get(HOST_CERTIFICATE, str(key))
        if certificate is None or certificate["zone_id"] != zone["id"]:
            raise cloudflare_invalid(1405, f"certificate {key!r} was not found")
        moment = now_micro()
        record: Record = {
            "id": where,
            "hostname": host,
            "cert_id": key,
            "enabled": bool(enabled),
            "created_at": old["created_at"] if old else moment,
            "updated_at": moment,
        }
        cloud.store.put(ASSOCIATION, record)
        changed.append(_association(cloud, record))
    return wrap(changed)


# Before the zone's certificates, whose `/{id}` would match `hostnames` as well.
_collection(HOST_CERTIFICATE, "/zones/{zone}/origin_tls_client_auth/hostnames/certificates")


@routes.add("GET", "/zones/{zone}/origin_tls_client_auth/hostnames/{host}")
def get_hostname(cloud: Cloud, request: Request) -> Response:
    """One association."""
    zone = zone_of(cloud, request)
    record = cloud.store.get(ASSOCIATION, f"{zone['id']}/{request.params['host']}")
    if record is None:
        raise CloudflareError(404, 1409, "The hostname has no client certificate")
    return wrap(_association(cloud, record))


_collection(ZONE_CERTIFICATE, "/zones/{zone}/origin_tls_client_auth")
