"""Machines that are recorded, and addresses that no two clouds share."""

from __future__ import annotations

import multiprocessing
import shutil
from pathlib import Path

import pytest

from rehearsal.machines import MachineError, Machines, ServerRecord
from rehearsal.machines.addresses import ADDRESSES, AddressBook
from rehearsal.machines.recorded import RecordedMachines


def test_user_data_is_neither_recorded_nor_shown(tmp_path: Path) -> None:
    machines: Machines = RecordedMachines(tmp_path)
    server = ServerRecord(1, "box", "box", "203.0.113.1", "debian-12", 4096, 2, user_data="canary")
    machines.create(server)
    machines.rebuild(server, keep_user_data=False)
    assert "canary" not in (tmp_path / "machines.jsonl").read_text()
    assert "canary" not in repr(server)


def test_recorded_addresses_are_remembered(tmp_path: Path) -> None:
    machines = RecordedMachines(tmp_path)
    first, second = machines.allocate_ipv4(), machines.allocate_ipv4()
    machines.release_ipv4(first)
    again = RecordedMachines(tmp_path)
    assert again.allocate_ipv4() == first
    assert again.allocate_ipv4() not in (first, second)


def test_recorded_addresses_run_out_with_a_word(tmp_path: Path) -> None:
    machines = RecordedMachines(tmp_path)
    for _ in range(254):
        machines.allocate_ipv4()
    with pytest.raises(MachineError, match="254 addresses"):
        machines.allocate_ipv4()


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_two_clouds_get_different_addresses(tmp_path: Path) -> None:
    book = tmp_path / "addresses.json"
    one = AddressBook(folder(tmp_path / "one"), book)
    two = AddressBook(folder(tmp_path / "two"), book)
    first, second = one.allocate(), two.allocate()
    assert first != second
    two.release(first)
    assert one.held() == [first], "nobody gives back what another holds"
    one.release(first)
    assert two.allocate() == first


def test_a_folder_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    book = tmp_path / "addresses.json"
    gone = AddressBook(folder(tmp_path / "gone"), book)
    address = gone.allocate()
    shutil.rmtree(tmp_path / "gone")
    assert AddressBook(folder(tmp_path / "next"), book).allocate() == address


def test_addresses_run_out_with_a_remedy(tmp_path: Path) -> None:
    book = AddressBook(folder(tmp_path / "one"), tmp_path / "addresses.json")
    assert len({book.allocate() for _ in ADDRESSES}) == len(ADDRESSES)
    with pytest.raises(MachineError, match="STEP=destroy"):
        book.allocate()


def _take(owner: Path, path: Path) -> list[str]:
    book = AddressBook(owner, path)
    return [book.allocate() for _ in range(10)]


def test_processes_that_race_get_different_addresses(tmp_path: Path) -> None:
    owners = [folder(tmp_path / str(number)) for number in range(4)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        taken = pool.starmap(_take, [(owner, tmp_path / "addresses.json") for owner in owners])
    flat = [address for addresses in taken for address in addresses]
    assert len(flat) == len(set(flat)) == 40
