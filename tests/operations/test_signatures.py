"""Signatures of images: as cosign made them, in a real registry, and as others would like them to be."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from operations.registry import NotThere
from operations.release import checked
from operations.signatures import BUNDLE, IN_TOTO, SIGNATURE, SIGNED, Unsigned, require

RECORDED = Path(__file__).parent / "cosign"
"""What cosign has put beside an image, in its two forms; `record.py` there says how."""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LABELS = {"jira-plus-plus.test": "signatures"}
STATEMENT = "https://in-toto.io/Statement/v1"
Key = Any


class Store:
    """A registry that runs, and what is put into it over its own API."""

    def __init__(self, host: str) -> None:
        self.host = host

    def blob(self, name: str, content: bytes) -> dict[str, Any]:
        """Its descriptor."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        begun = requests.post(f"http://{self.host}/v2/jira/{name}/blobs/uploads/", timeout=10)
        where = begun.headers["Location"]
        done = requests.put(f"{where}{'&' if '?' in where else '?'}digest={digest}", data=content, timeout=10)
        assert done.status_code == 201, done.text
        return {"digest": digest, "size": len(content), "mediaType": "application/octet-stream"}

    def manifest(self, name: str, content: bytes, tag: str, kind: str = MANIFEST) -> str:
        """Its digest."""
        done = requests.put(
            f"http://{self.host}/v2/jira/{name}/manifests/{tag}",
            data=content,
            headers={"Content-Type": kind},
            timeout=10,
        )
        assert done.status_code == 201, done.text
        return str(done.headers["Docker-Content-Digest"])

    def image(self, name: str, version: str = "1.0.0") -> str:
        """A reference to one without files, for a server of amd64."""
        config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Labels": {"of": version}}})
        content = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                **self.blob(name, config.encode()),
                "mediaType": "application/vnd.oci.image.config.v1+json",
            },
            "layers": [],
        }
        digest = self.manifest(name, json.dumps(content).encode(), version)
        return f"{self.host}/jira/{name}:{version}@{digest}"

    def sign(self, reference: str, key: Key, *, about: str = "", **other: Any) -> None:
        """In the form of cosign 2; `about`: of another digest."""
        name, digest = _of(reference)
        payload = json.dumps(
            {
                "critical": {
                    "identity": {"docker-reference": f"{self.host}/jira/{name}"},
                    "image": {"docker-manifest-digest": about or digest},
                    "type": "cosign container image signature",
                },
                "optional": None,
            }
        ).encode()
        signature = base64.b64encode(signed(key, payload)).decode()
        layer = {**self.blob(name, payload), "annotations": {SIGNATURE: signature}, **other}
        content = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(name, b"{}"),
            "layers": [layer],
        }
        self.manifest(name, json.dumps(content).encode(), f"{digest.replace(':', '-')}.sig")

    def state(self, reference: str, key: Key, predicate: str = SIGNED, about: str = "") -> None:
        """In the form of cosign 3: a signed statement that refers to the image."""
        name, digest = _of(reference)
        subject = (about or digest).removeprefix("sha256:")
        payload = json.dumps(
            {"_type": STATEMENT, "subject": [{"digest": {"sha256": subject}}], "predicateType": predicate}
        ).encode()
        data = f"DSSEv1 {len(IN_TOTO)} {IN_TOTO} {len(payload)} ".encode() + payload
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": base64.b64encode(signed(key, data)).decode()}],
        }
        layer = {
            **self.blob(name, json.dumps({"dsseEnvelope": envelope}).encode()),
            "mediaType": f"{BUNDLE}.v0.3+json",
        }
        content = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(name, b"{}"),
            "layers": [layer],
        }
        raw = json.dumps(content).encode()
        made = self.manifest(name, raw, f"sha256:{hashlib.sha256(raw).hexdigest()}")
        entry = {"mediaType": MANIFEST, "digest": made, "size": len(raw)}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        self.manifest(name, json.dumps(index).encode(), digest.replace(":", "-"), INDEX)


def _of(reference: str) -> tuple[str, str]:
    name, _, digest = reference.partition("@")
    return name.rpartition("/")[2].partition(":")[0], digest


def signed(key: Key, data: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return bytes(key.sign(data, ec.ECDSA(hashes.SHA256())))


def public(key: Key) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


@pytest.fixture(scope="module")
def store(built: Callable[..., dict[str, str]], client: docker.DockerClient) -> Iterator[Store]:
    """The registry of the rehearsals, with nothing in it."""
    image = built("registry")["registry"]
    container = client.containers.run(
        image,
        detach=True,
        labels=LABELS,
        ports={"5000/tcp": ("127.0.0.1", None)},
        tmpfs={"/var/lib/registry": ""},
        read_only=True,
    )
    try:
        container.reload()
        port = container.ports["5000/tcp"][0]["HostPort"]
        for _ in range(100):
            try:
                requests.get(f"http://127.0.0.1:{port}/v2/", timeout=2).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.1)
        yield Store(f"127.0.0.1:{port}")
    finally:
        container.remove(force=True)


pytestmark = pytest.mark.live
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize("version", ["2.6.1", "2.6.1-bundle"])
def test_what_cosign_has_signed_is_signed(version: str, store: Store) -> None:
    """The image and what lies beside it, byte by byte as cosign's registry had them."""
    name = f"recorded-{version}"
    recorded = json.loads((RECORDED / f"{version}.json").read_text())
    for content in recorded["blobs"]:
        store.blob(name, base64.b64decode(content))
    for tag, entry in recorded["manifests"].items():
        store.manifest(name, base64.b64decode(entry["content"]), tag, entry["type"])
    reference = f"{store.host}/jira/{name}:1@{recorded['digest']}"
    key = (RECORDED / f"{version}.pub").read_text()
    require(reference, [key])
    require(reference, [public(KEY), key])
    with pytest.raises(Unsigned, match=r"has 1 signature\(s\), and none by a key of release\.signed_by"):
        require(reference, [public(KEY)])


@pytest.mark.parametrize("form", [Store.sign, Store.state])
def test_the_key_has_to_be_ours_and_the_digest_the_images(form: Callable[..., None], store: Store) -> None:
    name = f"of-{form.__name__}"
    ours, other = store.image(name, "1.0.0"), store.image(name, "2.0.0")
    assert ours != other
    with pytest.raises(Unsigned, match=r"has no signature, .*: `cosign sign --key cosign\.key 127"):
        require(ours, [public(KEY)])
    form(store, ours, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Unsigned, match="none by a key of"):
        require(ours, [public(KEY)])
    form(store, ours, KEY, about=_of(other)[1])  # a good signature, moved to where it does not belong
    with pytest.raises(Unsigned, match=f"is of {_of(other)[1]}, another image"):
        require(ours, [public(KEY)])
    form(store, ours, KEY)
    require(ours, [public(KEY)])


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "Ed25519", "RSA"],
)
def test_keys_of_other_types(key: Key, store: Store) -> None:
    reference = store.image(f"key-{type(key).__name__.strip('_').lower()}")
    store.sign(reference, key)
    require(reference, [public(key)])


def test_a_signed_report_about_an_image_does_not_sign_it(store: Store) -> None:
    reference = store.image("report")
    store.state(reference, KEY, predicate="https://cosign.sigstore.dev/attestation/vuln/v1")
    with pytest.raises(Unsigned, match="has no signature"):
        require(reference, [public(KEY)])


def test_what_has_another_form_says_nothing(store: Store) -> None:
    reference = store.image("broken")
    store.sign(reference, KEY, annotations={SIGNATURE: "no base64!"})
    with pytest.raises(Unsigned, match="has no signature"):
        require(reference, [public(KEY)])
    digest = _of(reference)[1].replace(":", "-")
    for content in ("[]", '{"layers": 3}', '{"layers": [3, {"annotations": [], "digest": null}]}'):
        raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "x": content}).encode()
        store.manifest("broken", raw, f"{digest}.sig", INDEX)
        with pytest.raises(Unsigned, match="has no signature"):
            require(reference, [public(KEY)])


def test_a_release_of_images_that_are_not_signed_is_refused_and_all_are_named(store: Store) -> None:
    wanted = {name: store.image(name) for name in ("api", "worker", "web")}
    store.sign(wanted["api"], KEY)
    assert set(checked(wanted, "amd64", None)) == set(wanted), "nobody asks for signatures"
    with pytest.raises(NotThere) as error:
        checked(wanted, "amd64", None, [public(KEY)])
    worker, web = str(error.value).splitlines()
    assert worker.startswith(f"WORKER: {wanted['worker']}: has no signature")
    assert web.startswith("WEB: ")
    for name in ("worker", "web"):
        store.sign(wanted[name], KEY)
    assert set(checked(wanted, "amd64", None, [public(KEY)])) == set(wanted)


def test_a_key_that_is_none_is_told(store: Store) -> None:
    none = "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"
    with pytest.raises(Unsigned, match=r"release\.signed_by: one of them is no key: .*; paste cosign\.pub"):
        require(store.image("api"), [none])
