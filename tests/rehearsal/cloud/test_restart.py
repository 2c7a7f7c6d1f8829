"""The folder is the truth: `kill -9` loses nothing that was answered, and what was under way goes on."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from rehearsal.cloud.cloud import Cloud, ModeError
from rehearsal.cloud.store import Store
from rehearsal.machines import PowerState
from rehearsal.machines.recorded import RecordedMachines
from tests.rehearsal.cloud.harness import Embedded, Process, public_key, until

Launch = Callable[..., Process]


def test_it_says_where_it_listens_and_ends_when_told(launch: Launch) -> None:
    cloud = launch()
    assert cloud.ready == {"url": cloud.url, "pid": cloud.process.pid}
    assert cloud.terminate() == 0
    second = launch()
    assert second.good("POST", "/_rehearsal/shutdown") == {"stopping": True}
    assert second.reap() == 0


def test_everything_is_there_after_kill_9(launch: Launch) -> None:
    cloud = launch("--action-seconds", "0")
    cloud.good("POST", "/v1/ssh_keys", {"name": "k", "public_key": public_key()})
    server, volume = cloud.server(ssh_keys=["k"]), cloud.volume()
    cloud.act("volumes", volume["id"], "attach", server=server["id"])
    cloud.zone("POST", "/dns_records", {"type": "A", "name": "api", "content": "203.0.113.9", "ttl": 1})
    cloud.zone("PATCH", "/settings/ssl", {"value": "strict"})
    cloud.fault(kind="status", path="/v1/images", status=500, count=3)
    before = cloud.state()
    cloud.kill()
    again = launch("--action-seconds", "0")
    assert again.state() == before
    assert again.good("GET", f"/v1/servers/{server['id']}")["server"]["status"] == "running"
    assert again.good("GET", f"/v1/volumes/{volume['id']}")["volume"]["server"] == server["id"]
    assert again.zone("GET", "/settings/ssl").body["result"]["value"] == "strict"
    assert again.ask("GET", "/v1/images").status == 500, "faults survive as well"
    assert len(again.requests()) > 5, "and so does the log"
    assert again.volume("next")["id"] > volume["id"], "ids only grow"


def test_ids_of_deleted_objects_are_not_given_again(launch: Launch) -> None:
    cloud = launch("--action-seconds", "0")
    key = cloud.volume()["id"]
    cloud.good("DELETE", f"/v1/volumes/{key}")
    cloud.kill()
    assert launch().volume()["id"] > key


def test_an_action_goes_on_after_kill_9(launch: Launch) -> None:
    cloud = launch("--action-seconds", "0.5")
    body = {"name": "box", "server_type": "cx23", "image": "debian-12", "user_data": "#cloud-config\n"}
    made = cloud.good("POST", "/v1/servers", body)
    assert made["action"]["status"] == "running"
    cloud.kill()
    again = launch("--action-seconds", "0.5")
    again.settle()
    for action in (made["action"], *made["next_actions"]):
        assert again.good("GET", f"/v1/actions/{action['id']}")["action"]["status"] == "success"
    assert again.good("GET", f"/v1/servers/{made['server']['id']}")["server"]["status"] == "running"
    journal = (again.folder / "machines.jsonl").read_text()
    assert '"user_data_bytes": 14' in journal, "the machine got its user_data in spite of the restart"
    assert not list((again.folder / "user_data").iterdir()), "which is then forgotten"


def test_killed_at_any_moment_what_was_answered_is_there_and_nothing_is_there_twice(launch: Launch) -> None:
    answered: list[str] = []
    moment = random.Random(7)
    for round_ in range(4):
        cloud = launch("--rate-limit", "0")
        stop = threading.Event()

        def work(cloud: Process = cloud, round_: int = round_, stop: threading.Event = stop) -> None:
            number = 0
            while not stop.is_set():
                name = f"{round_}-{number}"
                number += 1
                try:
                    if (
                        cloud.ask("POST", "/v1/ssh_keys", {"name": name, "public_key": public_key()}).status
                        == 201
                    ):
                        answered.append(name)
                except requests.RequestException:
                    return

        thread = threading.Thread(target=work)
        thread.start()
        before = len(answered)
        until(lambda before=before: len(answered) > before + 5)
        time.sleep(moment.random() * 0.2)
        cloud.kill()
        stop.set()
        thread.join()
    last = launch("--rate-limit", "0")
    names = [key.name for key in last.hetzner.ssh_keys.get_all()]
    assert len(answered) > 20, "the test did some work"
    assert set(answered) <= set(names), "what was answered is kept"
    assert len(names) == len(set(names))
    assert len(names) - len(answered) <= 4, "at most one request per kill took effect without an answer"


def test_two_processes_do_not_share_a_folder(launch: Launch) -> None:
    first = launch()
    with pytest.raises(RuntimeError, match=f"already served by process {first.process.pid}"):
        launch()


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--zone", "other.org=xyz"], "zone other.org: id 'xyz' is not 32 hexadecimal digits"),
        (["--zone", "example.com=" + "f" * 32], "already"),
    ],
)
def test_it_says_why_it_does_not_start(launch: Launch, more: list[str], text: str) -> None:
    launch().terminate()
    if text == "already":
        with pytest.raises(RuntimeError, match="clashes with zone example"):
            launch(*more)
    else:
        with pytest.raises(RuntimeError, match=text):
            launch(*more)


class Booted(RecordedMachines):
    """Machines that say how they are."""

    boots = True

    def __init__(self, state: Path, power: dict[int, PowerState]) -> None:
        super().__init__(state)
        self.power = power

    def power_state(self, server_id: int) -> PowerState | None:
        return self.power.get(server_id, "missing")


def test_servers_are_compared_with_their_machines_at_the_start(
    make: Callable[..., Embedded], tmp_path: Path
) -> None:
    folder = tmp_path / "cloud"
    folder.mkdir()
    power: dict[int, PowerState] = {}
    cloud = make(folder, Booted(folder, power))
    running, off, gone = cloud.server("a")["id"], cloud.server("b")["id"], cloud.server("c")["id"]
    cloud.close()
    power.update({running: "running", off: "off"})
    again = Embedded(folder, Booted(folder, power))
    try:
        for key, status in ((running, "running"), (off, "off"), (gone, "unknown")):
            assert again.good("GET", f"/v1/servers/{key}")["server"]["status"] == status
    finally:
        again.close()


def test_recorded_servers_are_not_taken_for_booted_ones(
    make: Callable[..., Embedded], tmp_path: Path
) -> None:
    folder = tmp_path / "cloud"
    cloud = make(folder)
    server = cloud.server()["id"]
    cloud.close()
    store = Store(folder)
    with pytest.raises(ModeError, match="start with --docker record, or destroy them first"):
        Cloud(store, Booted(folder, {}), 0)
    store.close()
    again = Embedded(folder)
    again.good("DELETE", f"/v1/servers/{server}")
    again.close()
    Embedded(folder, Booted(folder, {})).close()
