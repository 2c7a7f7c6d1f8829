"""`hcloud.Firewall` and `hcloud.FirewallAttachment`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from rehearsal.plugins.hcloud.api import TRIES, ApiError
from rehearsal.plugins.hcloud.common import HetznerResource, given, gone
from rehearsal.plugins.provider import UNKNOWN, CheckFailure, ProviderError, Values

_DIRECTIONS = ("in", "out")
_PROTOCOLS = ("icmp", "tcp", "udp", "esp", "gre")


class Firewall(HetznerResource):
    """Rules for what may reach servers."""

    def validate(self, inputs: Values) -> list[CheckFailure]:
        rules = inputs.get("rules")
        failures = super().validate(inputs)
        for rule in rules if isinstance(rules, list) else []:
            if rule is not UNKNOWN:
                failures.extend(CheckFailure("rules", reason) for reason in _mistakes(rule))
        return failures

    def stored(self, name: str, value: Any) -> Any:
        if name != "rules" or not isinstance(value, list):
            return value
        return [_normal(rule) if isinstance(rule, dict) else rule for rule in value]

    def suppressed(self, name: str, old: Any, new: Any, news: Values) -> bool:
        return name == "applyTos" and not news.get("applyTos")

    def plan(self, news: Values, state: Values | None) -> Values:
        """What it will be applied to elsewhere is not waited for."""
        plan = super().plan(news, state)
        if state is None and not news.get("applyTos"):
            del plan["applyTos"]
        return plan

    def make(self, plan: Values) -> tuple[str, Values]:
        body = {
            "name": plan["name"],
            **given(
                labels=plan.get("labels"),
                rules=[_rule_body(rule) for rule in plan.get("rules") or []],
                apply_to=[_target(entry) for entry in plan.get("applyTos") or []],
            ),
        }
        created = self.api.post("/firewalls", body)
        self.api.wait_for(*(created.get("actions") or []))
        number = str(created["firewall"]["id"])
        return self.finish(number, plan, lambda: self._read(number, plan))

    def _read(self, resource_id: str, state: Values) -> Values:
        found = self.fetch(resource_id, state)
        if found is None:
            raise gone("firewall", resource_id)
        return found

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        found = self.api.find(f"/firewalls/{resource_id}")
        return None if found is None else {**state, **self._state(found["firewall"])}

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        path = f"/firewalls/{resource_id}"
        self.present("firewall", path, resource_id, plan)
        if "name" in changed:
            self.api.put(path, {"name": plan["name"]})
        if "rules" in changed and plan.get("rules"):  # no rules at all are, as officially, not sent
            body = {"rules": [_rule_body(rule) for rule in plan["rules"]]}
            self.api.wait_for(*self.api.post(f"{path}/actions/set_rules", body)["actions"])
        if "labels" in changed:
            self.api.put(path, {"labels": plan.get("labels") or {}})
        if "applyTos" in changed:
            self._apply(path, state.get("applyTos") or [], plan.get("applyTos") or [])
        after = self._read(resource_id, plan)
        unseen: Values = {name: [] for name in ("rules", "applyTos") if not plan.get(name)}  # until a refresh
        return {**after, **unseen}

    def _apply(self, path: str, old: list[Any], new: list[Any]) -> None:
        less, more = (
            [entry for entry in old if entry not in new],
            [entry for entry in new if entry not in old],
        )
        if less:
            try:
                answer = self.api.post(
                    f"{path}/actions/remove_from_resources",
                    {"remove_from": [_target(entry) for entry in less]},
                )
                self.api.wait_for(*answer["actions"])
            except ApiError as error:
                if error.code != "firewall_resource_not_found":
                    raise
        if more:
            answer = self.api.post(
                f"{path}/actions/apply_to_resources", {"apply_to": [_target(entry) for entry in more]}
            )
            self.api.wait_for(*answer["actions"])

    def remove(self, resource_id: str, state: Values) -> None:
        path = f"/firewalls/{resource_id}"
        found = self.api.find(path)
        if found is None:
            return
        applied = found["firewall"].get("applied_to") or []
        if applied:
            self._free(path, applied)
        try:
            self.api.retry(
                lambda: self.api.remove(path),
                tries=2 * TRIES,
                when=lambda error: error.code in ("conflict", "resource_in_use"),
            )
        except ApiError as error:
            if error.code != "not_found":
                raise

    def _free(self, path: str, applied: Iterable[dict[str, Any]]) -> None:
        targets = [
            {key: entry[key] for key in ("type", "server", "label_selector") if entry.get(key) is not None}
            for entry in applied
        ]
        try:
            answer = self.api.post(f"{path}/actions/remove_from_resources", {"remove_from": targets})
        except ApiError as error:
            if error.code in ("firewall_resource_not_found", "not_found"):
                return
            raise
        self.api.wait_for(*answer["actions"])

    def _state(self, firewall: dict[str, Any]) -> Values:
        targets = [
            {"labelSelector": entry["label_selector"]["selector"]}
            if entry["type"] == "label_selector"
            else {"server": entry["server"]["id"]}
            for entry in firewall.get("applied_to") or []
        ]
        rules = [_rule_state(rule) for rule in firewall.get("rules") or []]
        return {
            "id": str(firewall["id"]),
            "name": firewall["name"],
            "labels": firewall.get("labels") or {},
            "rules": self.arranged(self.shape.inputs["rules"], rules),
            "applyTos": self.arranged(self.shape.inputs["applyTos"], targets),
        }


class FirewallAttachment(HetznerResource):
    """Which servers and label selectors a firewall is applied to. Its id is the firewall's."""

    def make(self, plan: Values) -> tuple[str, Values]:
        number = str(plan["firewallId"])
        targets = _targets(plan)
        if not targets:
            raise ProviderError("no resources referenced")
        try:
            self._act(number, "apply_to_resources", "apply_to", targets)
        except ApiError as error:
            if error.code != "firewall_already_applied":
                raise
        return number, self._read(number, plan)

    def _read(self, resource_id: str, state: Values) -> Values:
        found = self.fetch(resource_id, state)
        if found is None:
            raise gone("firewall", resource_id)
        return found

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        found = self.api.find(f"/firewalls/{resource_id}")
        if found is None:
            return None
        applied = found["firewall"].get("applied_to") or []
        servers = [entry["server"]["id"] for entry in applied if entry["type"] == "server"]
        selectors = [
            entry["label_selector"]["selector"] for entry in applied if entry["type"] == "label_selector"
        ]
        fields = self.shape.inputs
        return {
            "id": resource_id,
            "firewallId": int(resource_id),
            **given(
                serverIds=self.arranged(fields["serverIds"], servers),
                labelSelectors=self.arranged(fields["labelSelectors"], selectors),
            ),
        }

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        there = _targets(self._read(resource_id, state))
        wanted = _targets(plan)
        less, more = (
            [entry for entry in there if entry not in wanted],
            [entry for entry in wanted if entry not in there],
        )
        self._act(resource_id, "remove_from_resources", "remove_from", less)
        self._act(resource_id, "apply_to_resources", "apply_to", more)
        return self._read(resource_id, plan)

    def remove(self, resource_id: str, state: Values) -> None:
        self._act(resource_id, "remove_from_resources", "remove_from", _targets(state))

    def _act(self, resource_id: str, action: str, key: str, targets: list[Values]) -> None:
        answer = self.api.post(f"/firewalls/{resource_id}/actions/{action}", {key: targets})
        self.api.wait_for(*answer["actions"])


def _targets(values: Values) -> list[Values]:
    servers = [_target({"server": number}) for number in sorted(values.get("serverIds") or [])]
    return servers + [_target({"labelSelector": text}) for text in sorted(values.get("labelSelectors") or [])]


def _target(entry: Values) -> Values:
    if entry.get("labelSelector"):
        return {"type": "label_selector", "label_selector": {"selector": entry["labelSelector"]}}
    return {"type": "server", "server": {"id": entry["server"]}}


def _rule_body(rule: Values) -> Values:
    return {
        "direction": rule["direction"],
        "protocol": rule["protocol"],
        **given(
            port=rule.get("port"),
            description=rule.get("description"),
            source_ips=rule.get("sourceIps"),
            destination_ips=rule.get("destinationIps"),
        ),
    }


def _rule_state(rule: dict[str, Any]) -> Values:
    return {
        "direction": rule["direction"],
        "protocol": rule["protocol"],
        **given(
            port=rule.get("port"),
            description=rule.get("description"),
            sourceIps=rule.get("source_ips"),
            destinationIps=rule.get("destination_ips"),
        ),
    }


def _mistakes(rule: Values) -> Iterable[str]:
    if rule.get("direction", "in") not in (*_DIRECTIONS, UNKNOWN):
        yield f"{rule['direction']} is not a valid direction"
    if rule.get("protocol", "tcp") not in (*_PROTOCOLS, UNKNOWN):
        yield f"{rule['protocol']} is not a valid protocol"
    for name in ("sourceIps", "destinationIps"):
        addresses = rule.get(name)
        for address in addresses if isinstance(addresses, list) else []:
            if address is not UNKNOWN:
                yield from _mistake(address)


def _mistake(text: str) -> Iterable[str]:
    """An address must be a network, and have no bits beyond its mask (`firewall/validation.go`)."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        yield f"invalid CIDR address: {text}"
        return
    if "/" not in text:
        yield f"invalid CIDR address: {text}"
    elif ipaddress.ip_interface(text).ip != network.network_address:
        yield f"{text} is not the start of the cidr block {network}"


def _normal(rule: Values) -> Values:
    return {
        name: [_normal_address(item) for item in value]
        if name in ("sourceIps", "destinationIps") and isinstance(value, list)
        else value
        for name, value in rule.items()
    }


def _normal_address(address: Any) -> Any:
    """Lower case, shortened, with a mask; what is no address stays."""
    try:
        return str(ipaddress.ip_network(address)) if isinstance(address, str) else address
    except ValueError:
        return address
