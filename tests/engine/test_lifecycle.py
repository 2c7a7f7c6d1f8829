"""Up again, another server, and the end, of whole stacks on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.deployment import DeploymentFailed
from rehearsal.cloud.hetzner.catalogue import find_image
from tests.engine.conftest import Bring
from tests.engine.effects import effects
from tests.engine.lab import Lab
from tests.engine.wholeness import assert_whole

pytestmark = pytest.mark.engine


def changing(lab: Lab) -> list[str]:
    """The requests so far that have changed something: what was refused has not."""
    return [f"{r['m']} {r['p']}" for r in lab.requests() if r["m"] != "GET" and r["status"] < 400]


@pytest.mark.parametrize("stack", ["uat", "prod", "local"])
def test_a_second_up_changes_nothing(stack: str, bring: Bring) -> None:
    lab = bring(stack)
    asked, happened, walls = len(changing(lab)), lab.docker_events(), lab.objects("firewall")
    deployment = lab.deployment(stack)
    journal = deployment.up()
    assert effects(journal) == {}
    assert journal.changes == 0
    changed = [line for line in changing(lab)[asked:] if "/firewalls" not in str(line)]
    assert changed == [], "the clouds were only read"
    assert lab.objects("firewall") == walls, "but for the one that the run brings (test_access.py)"
    assert lab.docker_events() == happened, "no container was touched"
    assert_whole(lab)


def test_a_replaced_server_brings_every_container_anew_and_keeps_volume_and_addresses(bring: Bring) -> None:
    lab = bring("uat")
    (server,), (volume,) = lab.objects("server"), lab.objects("volume")
    addresses, records = lab.objects("primary_ip"), lab.objects("dns_record")
    containers = {
        thing["Config"]["Labels"]["jira-plus-plus.service"]: thing["Id"]
        for thing in lab.recorded("containers")
    }
    asked = len(changing(lab))

    journal = lab.deployment("uat").replace_server()

    (new_server,), (new_volume,) = lab.objects("server"), lab.objects("volume")
    assert new_server["id"] != server["id"], "the server is another one"
    assert new_volume["id"] == volume["id"], "the data's volume is the same"
    assert new_volume["server"] == new_server["id"], "and is attached to the new server"
    after = lab.objects("primary_ip")
    assert [(it["id"], it["ip"]) for it in after] == [(it["id"], it["ip"]) for it in addresses]
    assert {it["assignee_id"] for it in after} == {new_server["id"]}, (
        "the new server answers at both addresses"
    )
    assert lab.objects("dns_record") == records, "the names need no change"
    anew = {
        thing["Config"]["Labels"]["jira-plus-plus.service"]: thing["Id"]
        for thing in lab.recorded("containers")
    }
    assert anew.keys() == containers.keys()
    assert not set(anew.values()) & set(containers.values()), "every container is a new one"
    replaced = {name for name, effect in effects(journal).items() if effect.startswith("±")}
    on_it = {
        r["urn"].rsplit("::", 1)[-1]
        for r in lab.resources()
        if r["type"].startswith(("docker:", "command:remote:"))
    }
    assert replaced == on_it | {"host-server", "host-attachment"}, "what is apart from the server stays"
    requests = changing(lab)[asked:]
    shutdown, delete, create = (
        requests.index(f"POST /v1/servers/{server['id']}/actions/shutdown"),
        requests.index(f"DELETE /v1/servers/{server['id']}"),
        requests.index("POST /v1/servers"),
    )
    assert shutdown < delete < create, "Postgres is stopped before its server goes"
    assert not any(f"/volumes/{volume['id']}/actions/detach" in request for request in requests[:shutdown])
    assert_whole(lab)


def test_the_server_of_prod_is_replaced_once_its_protection_is_lifted_while_that_of_the_data_stays(
    bring: Bring,
) -> None:
    lab = bring("prod")
    (server,), (volume,) = lab.objects("server"), lab.objects("volume")
    with pytest.raises(DeploymentFailed, match=r"refused.*host\.protected to false"):
        lab.deployment("prod").replace_server()
    assert lab.objects("server") == [server]

    deployment = lab.deployment("prod", {"host.protected": False})
    deployment.up()
    deployment.replace_server()
    assert lab.objects("volume")[0]["protection"] == {"delete": True}, "the data is protected all the while"
    lab.deployment("prod").up()

    (new_server,), (new_volume,) = lab.objects("server"), lab.objects("volume")
    assert new_server["id"] != server["id"]
    assert new_server["protection"] == server["protection"] == {"delete": True, "rebuild": True}
    assert new_volume["id"] == volume["id"]
    assert_whole(lab)


def test_a_server_keeps_its_debian_until_it_is_replaced_and_a_preview_says_so(bring: Bring) -> None:
    lab = bring("uat")
    ways = (("debian-13", "debian-12", "a server that exists"), ("debian-12", "debian-13", "LTS"))
    for before, after, said in ways:
        (server,) = lab.objects("server")
        deployment = lab.deployment("uat", {"host.image": after})
        journal = deployment.preview()
        assert effects(journal) == {}, "a new default throws no server away"
        (warning,) = journal.warnings
        assert said in warning
        assert "make replace STACK=uat" in warning

        deployment.replace_server()

        (new_server,) = lab.objects("server")
        images = [find_image(it["image"]) for it in (server, new_server)]
        assert [image and image["name"] for image in images] == [before, after]
        assert new_server["id"] != server["id"]
    journal = deployment.preview()
    assert (effects(journal), journal.warnings) == ({}, [])
    assert_whole(lab)


def test_destroy_of_uat_leaves_nothing(bring: Bring, tmp_path: Path) -> None:
    lab = bring("uat")
    assert lab.holdings()["server"] == 1
    (keys,) = (found for found in lab.resources() if found["type"] == "jira-plus-plus:host:Keys")
    key = tmp_path / "home" / keys["outputs"]["folder"].removeprefix("~/") / "id_ed25519"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.touch()
    deployment = lab.deployment("uat")
    deployment.destroy()
    assert not key.parent.exists()
    assert lab.holdings() == {}
    assert lab.resources() == []
    assert lab.recorded("containers") == []


def test_destroy_of_prod_is_refused_and_says_why(bring: Bring) -> None:
    lab = bring("prod")
    holdings, asked, happened = lab.holdings(), changing(lab), lab.docker_events()
    deployment = lab.deployment("prod")
    resources = lab.resources()
    with pytest.raises(DeploymentFailed) as refused:
        deployment.destroy()
    text = str(refused.value)
    for name in ("host-ipv4", "host-ipv6", "host-server", "host-volume"):
        assert name in text
    assert "Pulumi protects" in text
    assert "host.protected" in text, "it says what to set to part with them"
    assert len(text.splitlines()) == 1, text
    assert lab.holdings() == holdings
    assert changing(lab) == asked, "no request that changes anything was sent"
    assert lab.docker_events() == happened, "no container was touched"
    assert [r["urn"] for r in lab.resources()] == [r["urn"] for r in resources]


def test_destroy_of_local_leaves_no_container_and_no_network(bring: Bring) -> None:
    lab = bring("local")
    assert lab.recorded("containers")
    lab.deployment("local").destroy()
    assert lab.recorded("containers") == []
    assert lab.recorded("networks") == []
