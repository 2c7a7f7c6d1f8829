"""A record is the first of its name and type: Cloudflare takes a second, and serves both in turn."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pulumi

from components.clouds import Api, accounts


def first(name: str) -> pulumi.ResourceHook:
    """Before a record is made: refuses to add it to one of its name and type.

    Those of others are found before the first resource. What is left is one that carries our comment and is
    not in the state: the state was lost, or somebody wrote the comment and did not import the record.
    """
    cloudflare = accounts(os.environ).cloudflare

    async def look(args: pulumi.ResourceHookArgs) -> None:
        assert args.new_inputs is not None
        await asyncio.to_thread(_refuse_second, cloudflare, args.name, args.new_inputs)

    return pulumi.ResourceHook(f"{name}-first", look)


def _refuse_second(cloudflare: Api, name: str, inputs: Mapping[str, Any]) -> None:
    query = urlencode({"name": inputs["name"], "type": inputs["type"]})
    answer = cloudflare.ask(f"/zones/{inputs['zoneId']}/dns_records?{query}")
    found = answer.body["result"] if answer.found else []
    if found:
        there = ", ".join(f"{record['content']} (record {record['id']})" for record in found)
        raise RuntimeError(
            f"{inputs['name']} has an {inputs['type']} record that the state does not know: {there}. "
            "Delete it at Cloudflare, or take it over: pulumi import --protect=false --generate-code=false "
            f"cloudflare:index/dnsRecord:DnsRecord {name} {inputs['zoneId']}/{found[0]['id']}"
        )
