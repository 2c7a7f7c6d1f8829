"""A large SDK is imported without the garbage collector, which afterwards works as before."""

import gc

import pytest

from components.imports import uncollected


def test_the_collector_rests_during_the_import_and_leaves_its_objects_alone_afterwards() -> None:
    frozen = gc.get_freeze_count()
    with uncollected("not_imported_yet"):
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
    gc.unfreeze()


def test_a_second_import_changes_nothing() -> None:
    frozen = gc.get_freeze_count()
    with uncollected("gc"):
        assert gc.isenabled(), "the module is there already"
    assert gc.get_freeze_count() == frozen


def test_a_failed_import_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), uncollected("not_imported_yet"):
        raise ImportError
    assert gc.isenabled()


def test_who_has_switched_the_collector_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with uncollected("not_imported_yet"):
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
