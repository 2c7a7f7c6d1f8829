"""The stand-in for the plugin `tls`: keys, requests and certificates. Nearly every input replaces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rehearsal.plugins import shapes
from rehearsal.plugins.bridged import Bridged
from rehearsal.plugins.provider import CheckFailure, Diff, Kind, Provider, ProviderError, Values
from rehearsal.plugins.shapes import Shape
from rehearsal.plugins.tls import certificates, keys


class _Made(Bridged):
    """Something that exists in the state alone."""

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        if not state:
            raise ProviderError(f"{self.shape.token} cannot be imported")
        return state

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        return {**state, **plan}

    def remove(self, resource_id: str, state: Values) -> None:
        return


class PrivateKey(_Made):
    """A key pair."""

    def validate(self, inputs: Values) -> list[CheckFailure]:
        return [
            CheckFailure(name, f"Attribute {name} value must be one of: {list(known)}, got: {inputs[name]!r}")
            for name, known in (("algorithm", keys.ALGORITHMS), ("ecdsaCurve", keys.CURVES))
            if isinstance(inputs.get(name), str) and inputs[name] not in known
        ]

    def make(self, plan: Values) -> tuple[str, Values]:
        told = keys.described(keys.generate(plan["algorithm"], plan["ecdsaCurve"], plan["rsaBits"]))
        identity = keys.state_id(told["publicKeyPem"])
        return identity, {**plan, **told, "id": identity}


class CertRequest(_Made):
    """A signing request."""

    def make(self, plan: Values) -> tuple[str, Values]:
        pem = certificates.request(plan)
        identity = keys.state_id(pem)
        algorithm = keys.algorithm(keys.parse(plan["privateKeyPem"]))
        return identity, {**plan, "id": identity, "certRequestPem": pem, "keyAlgorithm": algorithm}


class Certificate(_Made):
    """A certificate, which is replaced once its early renewal has come."""

    def __init__(self, shape: Shape, sign: Callable[[Values], Values]) -> None:
        super().__init__(shape)
        self._sign = sign

    def validate(self, inputs: Values) -> list[CheckFailure]:
        uses = inputs.get("allowedUses")
        return [
            CheckFailure(
                f"allowedUses[{index}]", f"unknown use {use!r}: choose from {sorted(certificates.USES)}"
            )
            for index, use in enumerate(uses if isinstance(uses, list) else [])
            if isinstance(use, str) and use not in certificates.USES
        ]

    def make(self, plan: Values) -> tuple[str, Values]:
        state = {**plan, **self._sign(plan)}
        return state["id"], state

    def diff(self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values) -> Diff:
        """The inputs' differences, and the passing of time."""
        diff = super().diff(resource_id, old_inputs, old_outputs, news)
        if certificates.renewable(news, old_outputs["validityEndTime"]):
            diff.changes = True
            diff.detailed["readyForRenewal"] = Kind.UPDATE
            diff.replaces = sorted({*diff.replaces, "readyForRenewal"})
        return diff

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        return {**state, **plan, "readyForRenewal": certificates.renewable(plan, state["validityEndTime"])}


class TlsProvider(Provider):
    """Needs no configuration."""

    name = "tls"

    def __init__(self) -> None:
        known = shapes.load(Path(__file__).with_name("shapes.json"))
        self.resources = {
            "tls:index/certRequest:CertRequest": CertRequest(known["tls:index/certRequest:CertRequest"]),
            "tls:index/locallySignedCert:LocallySignedCert": Certificate(
                known["tls:index/locallySignedCert:LocallySignedCert"], certificates.locally_signed
            ),
            "tls:index/privateKey:PrivateKey": PrivateKey(known["tls:index/privateKey:PrivateKey"]),
            "tls:index/selfSignedCert:SelfSignedCert": Certificate(
                known["tls:index/selfSignedCert:SelfSignedCert"], certificates.self_signed
            ),
        }


def provider() -> Provider:
    """The plugin."""
    return TlsProvider()
