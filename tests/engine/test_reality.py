"""A deploy works from what is there, not from what was: it puts back what was changed or deleted by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from hcloud import Client
from hcloud.firewalls import FirewallRule

from operations.changes import markdown
from rehearsal.plugins.docker.recorded import RecordedEngine
from tests.engine.conftest import Bring
from tests.engine.effects import effects
from tests.engine.lab import TOKEN, ZONE_ID, Lab
from tests.engine.wholeness import assert_whole

pytestmark = pytest.mark.engine


class Hand:
    """Somebody with the consoles of the clouds, and with Docker."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        environment = lab.surroundings()
        self.hetzner = Client(token=TOKEN, api_endpoint=environment["HCLOUD_ENDPOINT"], poll_interval=0.02)
        self._zone = f"{environment['CLOUDFLARE_BASE_URL']}/zones/{ZONE_ID}"

    def cloudflare(self, method: str, path: str, **body: str) -> None:
        requests.request(
            method,
            self._zone + path,
            json=body or None,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=10,
        ).raise_for_status()

    def deletes_a_record(self) -> None:
        (record,) = (
            it
            for it in self.lab.objects("dns_record")
            if (it["name"], it["type"]) == ("app-uat.example.com", "A")
        )
        self.cloudflare("DELETE", f"/dns_records/{record['id']}")

    def changes_a_record(self) -> None:
        (record,) = (
            it
            for it in self.lab.objects("dns_record")
            if (it["name"], it["type"]) == ("api-uat.example.com", "A")
        )
        self.cloudflare("PATCH", f"/dns_records/{record['id']}", content="192.0.2.1")

    def loosens_the_zone(self) -> None:
        self.cloudflare("PATCH", "/settings/ssl", value="flexible")

    def opens_the_firewall(self) -> None:
        (firewall,) = self.hetzner.firewalls.get_all()
        rule = FirewallRule("in", "tcp", ["0.0.0.0/0"], "22")
        for action in firewall.set_rules([*firewall.rules, rule]):
            action.wait_until_finished()

    def takes_the_firewall_off(self) -> None:
        (firewall,) = self.hetzner.firewalls.get_all()
        for action in firewall.remove_from_resources(firewall.applied_to):
            action.wait_until_finished()

    def deletes_the_firewall(self) -> None:
        self.takes_the_firewall_off()
        (firewall,) = self.hetzner.firewalls.get_all()
        firewall.delete()

    def deletes_the_ssh_key(self) -> None:
        (key,) = self.hetzner.ssh_keys.get_all()
        key.delete()

    def takes_the_volume_off(self) -> None:
        (volume,) = self.hetzner.volumes.get_all()
        volume.detach().wait_until_finished()

    def switches_the_server_off(self) -> None:
        (server,) = self.hetzner.servers.get_all()
        server.power_off().wait_until_finished()

    def deletes_the_server(self) -> None:
        (server,) = self.hetzner.servers.get_all()
        server.delete().wait_until_finished()
        for folder in (self.lab.state / "docker").iterdir():
            if folder.is_dir():  # what ran there is gone as well
                for path in folder.rglob("*.json"):
                    path.unlink()

    def deletes_a_container(self) -> None:
        self._docker(lambda engine, container: engine.remove_container(container, True))

    def stops_a_container(self) -> None:
        self._docker(lambda engine, container: engine.stop_container(container, 1))

    def _docker(self, do: Callable[[RecordedEngine, str], None]) -> None:
        (path,) = (
            path
            for path in (self.lab.state / "docker").glob("*/containers/*.json")
            if '"jira-plus-plus.service": "web"' in path.read_text()
        )
        do(RecordedEngine(self.lab.state / "docker", path.parents[1].name), path.stem)


STRAYED = {
    "deletes_a_record": {"edge-web-a": "+"},
    "changes_a_record": {"edge-api-a": "~ content"},
    "loosens_the_zone": {"edge-ssl": "~ value"},
    "opens_the_firewall": {"host-firewall": "~ rules"},
    "takes_the_firewall_off": {"host-server": "~ firewallIds"},
    "deletes_the_firewall": {"host-firewall": "+", "host-server": "~ firewallIds"},
    "deletes_the_ssh_key": {"host-ssh-key": "+"},
    "takes_the_volume_off": {"host-attachment": "+", "host-mount": "±"},
    "deletes_a_container": {"web": "+"},
    "stops_a_container": {"web": "~ mustRun"},
}
FOLLOWS = {"deletes_a_container": {"web-healthy": "± create triggers", "cutover": "~ create stdin"}}
"""What a deed brings along that has not strayed itself."""


@pytest.mark.parametrize("deed", STRAYED)
def test_what_was_changed_by_hand_is_shown_by_a_preview_and_put_back_by_the_next_deploy(
    deed: str, bring: Bring
) -> None:
    """Reports A6 and C4 of infrastructure."""
    lab = bring("uat")
    (server,) = lab.objects("server")
    getattr(Hand(lab), deed)()
    deployment = lab.deployment("uat")
    journal = deployment.preview()
    expected = STRAYED[deed] | FOLLOWS.get(deed, {})
    assert effects(journal) == expected
    told = "\n".join(journal.put_back)
    assert all(name in told for name, effect in STRAYED[deed].items() if effect != "±")
    assert all(f"> 🔧 {line}" in markdown("uat", journal) for line in journal.put_back)

    assert effects(deployment.up()) == expected
    assert [line for line in lab.output if line.startswith("put back: ")] == [
        f"put back: {line}" for line in journal.put_back
    ]
    assert [it["id"] for it in lab.objects("server")] == [server["id"]], "the server is the same"
    assert_whole(lab)
    assert deployment.up().changes == 0


def test_a_preview_invents_no_loss_where_it_cannot_know_how_docker_will_be_reached(bring: Bring) -> None:
    """Report A6: what a provider cannot be asked about yet is not gone."""
    lab = bring("uat")
    Hand(lab).loosens_the_zone()
    deployment = lab.deployment("uat")
    script = lab.state / "project" / "components" / "host" / "readiness.sh"
    script.write_text(script.read_text() + "# another release of it\n")
    journal = deployment.preview()
    assert effects(journal)["host-ready"] == "~ stdin"
    assert not any(effect.startswith("+") for effect in effects(journal).values())
    assert journal.put_back == ["edge-ssl was changed"]
    assert effects(deployment.up()) == {"host-ready": "~ stdin", "edge-ssl": "~ value"}


def test_a_server_that_is_off_is_switched_on_and_awaited(bring: Bring) -> None:
    """Report A6: a machine that somebody has switched off in the console."""
    lab = bring("uat")
    Hand(lab).switches_the_server_off()
    deployment = lab.deployment("uat")
    assert "host-server" in "".join(deployment.preview().put_back)
    assert lab.objects("server")[0]["status"] == "off", "a preview changes nothing"
    journal = deployment.up()
    assert lab.objects("server")[0]["status"] == "running"
    assert effects(journal) == {"host-bootstrap": "±", "host-mount": "±", "host-ready": "±"}
    assert deployment.up().changes == 0


@pytest.mark.parametrize("step", ["up", "replace_server"])
def test_a_server_that_was_deleted_is_made_again_with_all_that_ran_on_it(step: str, bring: Bring) -> None:
    """Report A6: containers and files of a server that is gone are nobody's to delete."""
    lab = bring("uat")
    volume, addresses = lab.objects("volume")[0]["id"], [it["ip"] for it in lab.objects("primary_ip")]
    services = {it["Config"]["Labels"]["jira-plus-plus.service"] for it in lab.recorded("containers")}
    Hand(lab).deletes_the_server()
    deployment = lab.deployment("uat")
    journal = deployment.preview()
    assert effects(journal)["host-server"] == "+"
    assert effects(journal)["web"] == "+"
    assert [line.partition(" (")[0] for line in journal.put_back] == ["host-server"]

    getattr(deployment, step)()
    assert lab.objects("volume")[0]["id"] == volume
    assert [it["ip"] for it in lab.objects("primary_ip")] == addresses
    anew = {it["Config"]["Labels"]["jira-plus-plus.service"] for it in lab.recorded("containers")}
    assert anew == services
    assert_whole(lab)
    assert deployment.up().changes == 0


@pytest.mark.parametrize(
    "deed", ["deletes_the_server", "switches_the_server_off", "deletes_a_record", "deletes_the_firewall"]
)
def test_a_destroy_leaves_nothing_whatever_was_done_by_hand(deed: str, bring: Bring) -> None:
    """Report A6."""
    lab = bring("uat")
    getattr(Hand(lab), deed)()
    lab.deployment("uat").destroy()
    assert lab.holdings() == {}
    assert lab.resources() == []


def test_the_last_run_again_reads_all_and_writes_nothing_where_nothing_strayed(bring: Bring) -> None:
    """The state is written once for each resource that is read anew: most of what an idle deploy costs."""
    lab = bring("uat")
    lab.deployment("uat", {"services.api.memory_mb": 256}).up()
    (path,) = (lab.state / "backend" / ".pulumi" / "stacks").rglob("uat.json")
    written, asked = path.stat().st_mtime_ns, len(lab.requests())
    journal = lab.deployment("uat", {"services.api.memory_mb": 256}).up()
    assert (journal.changes, path.stat().st_mtime_ns) == (0, written)
    assert any("/dns_records/" in request["p"] for request in lab.requests()[asked:]), "it was looked at"
    Hand(lab).changes_a_record()
    journal = lab.deployment("uat", {"services.api.memory_mb": 256}).up()
    assert journal.put_back == ["edge-api-a was changed"]
