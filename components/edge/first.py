"""A record is the first of its name and type: Cloudflare takes a second, and serves both in turn."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlencode

import pulumi

from components.clouds import Accounts, Api, accounts


def first(name: str, *, ordered: bool) -> pulumi.ResourceHook:
    """Before a record is made: takes a former one's place, and refuses to be the second of its name and type.

    Those of others are found before the first resource. What is left carries our comment and is not in the
    state, so the state was lost, or somebody wrote the comment: of a server that this account does not have
    (`ordered` says that ours is there) it is deleted, as the first thing that a stack needs which is had back
    after the loss of everything. One that leads to another server here may be that of a stack that serves.
    """
    clouds = accounts(os.environ)

    async def look(args: pulumi.ResourceHookArgs) -> None:
        assert args.new_inputs is not None
        await asyncio.to_thread(_take_the_place, clouds, args.name, args.new_inputs, ordered)

    return pulumi.ResourceHook(f"{name}-first", look)


def _take_the_place(clouds: Accounts, name: str, inputs: Mapping[str, Any], ordered: bool) -> None:
    records = f"/zones/{inputs['zoneId']}/dns_records"
    query = urlencode({"name": inputs["name"], "type": inputs["type"]})
    answer = clouds.cloudflare.ask(f"{records}?{query}")
    in_the_way = []
    for record in answer.body["result"] if answer.found else []:
        if not _is_former(record, inputs, clouds.hetzner if ordered else None):
            in_the_way.append(record)
            continue
        pulumi.log.warn(
            f"{inputs['name']} {inputs['type']} {record['content']}: was this stack's, "
            "and leads to no server of this account; it is replaced"
        )
        gone = clouds.cloudflare.ask(f"{records}/{record['id']}", "DELETE")
        if not gone.found:
            in_the_way.append(record)
    if in_the_way:
        there = ", ".join(f"{record['content']} (record {record['id']})" for record in in_the_way)
        raise RuntimeError(
            f"{inputs['name']} has an {inputs['type']} record that the state does not know: {there}. "
            "Delete it at Cloudflare, or take it over: pulumi import --protect=false --generate-code=false "
            f"cloudflare:index/dnsRecord:DnsRecord {name} {inputs['zoneId']}/{in_the_way[0]['id']}"
        )


def _is_former(record: Mapping[str, Any], inputs: Mapping[str, Any], hetzner: Api | None) -> bool:
    """Whether it is this stack's and leads nowhere, or where the new one will lead."""
    if record.get("comment") != inputs["comment"]:
        return False
    if record["content"] == inputs["content"]:
        return True  # of the same content Cloudflare refuses a second one
    return hetzner is not None and not any(
        ip_address(record["content"]) in network for network in _networks(hetzner)
    )


def _networks(hetzner: Api) -> Iterator[Any]:
    """Of all addresses of the account: each server's is a primary IP, that of IPv6 a network."""
    page: int | None = 1
    while page:
        answer = hetzner.ask(f"/primary_ips?per_page=50&page={page}")
        if not answer.found:
            raise RuntimeError(f"Hetzner does not say which addresses there are: HTTP {answer.status}")
        yield from (ip_network(one["ip"], strict=False) for one in answer.body["primary_ips"])
        page = answer.body["meta"]["pagination"]["next_page"]
