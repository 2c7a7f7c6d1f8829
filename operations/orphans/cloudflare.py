"""Leftovers at Cloudflare; two records of one name are allowed there, so a duplicate would answer."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta
from typing import Any

from operations.journal import Intent
from operations.orphans import Context

ENDPOINT = "https://api.cloudflare.com/client/v4"
RECORD = "cloudflare:index/dnsRecord:DnsRecord"
KEY = "cloudflare:index/accountToken:AccountToken"
CERTIFICATE = "cloudflare:index/originCaCertificate:OriginCaCertificate"


class Cloudflare:
    """Looks up by `CLOUDFLARE_API_TOKEN` (and `CLOUDFLARE_BASE_URL`), as the provider does."""

    prefix = "cloudflare:"

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        values = {**os.environ, **(environment or {})}
        self._token = values["CLOUDFLARE_API_TOKEN"]
        self._endpoint = (values.get("CLOUDFLARE_BASE_URL") or ENDPOINT).rstrip("/")

    def remove(self, intent: Intent, context: Context) -> str | None:
        """See `Finder`. Settings of a zone are set, and buckets imported: they need nothing."""
        inputs = intent.inputs
        if intent.type == RECORD:
            query = urllib.parse.urlencode({"name": inputs["name"], "type": inputs["type"], "per_page": 100})
            path, same = f"/zones/{inputs['zoneId']}/dns_records", {"content": inputs.get("content")}
            words = f"{inputs['type']} record {inputs['name']}"
        elif intent.type == CERTIFICATE:
            query = ""
            path, same = "/certificates", {"csr": inputs.get("csr")}
            words = "origin certificate of " + ", ".join(map(str, inputs.get("hostnames") or []))
        elif intent.type == KEY:
            # The newest, of which a page holds at most so many.
            query = urllib.parse.urlencode({"per_page": 50, "direction": "desc"})
            path, same = f"/accounts/{inputs['accountId']}/tokens", {"name": inputs.get("name")}
            words = f"key {inputs['name']}"
        else:
            return None
        removed = 0
        for found in self._ask("GET", f"{path}?{query}" if query else path):
            if str(found["id"]) not in context.known and _same(found, same) and _of_the_run(found, context):
                self._ask("DELETE", f"{path}/{found['id']}")
                removed += 1
        return words if removed else None

    def _ask(self, method: str, path: str) -> Any:
        request = urllib.request.Request(
            self._endpoint + path, method=method, headers={"Authorization": f"Bearer {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["result"]


def _same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(str(found.get(key) or "").strip() == str(value or "").strip() for key, value in wanted.items())


def _of_the_run(found: dict[str, Any], context: Context) -> bool:
    """A certificate carries no time of creation, but the end of its validity and the days of it."""
    if created := found.get("created_on") or found.get("issued_on"):
        return context.of_the_run(datetime.fromisoformat(created))
    expires = datetime.strptime(found["expires_on"], "%Y-%m-%d %H:%M:%S %z UTC")
    return context.of_the_run(expires - timedelta(days=found["requested_validity"]))
