# ruff: noqa: ARG002 - drivers keep the signatures of what they replace

"""A watched driver stays what it is, and what it does is heard wherever it is constructed."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import threading
import weakref

import pytest
from kit_memory import MemoryWorld
from kit_pusher import FileWorld, LogDriver
from kit_source import MemoryDriver
from kit_told import event, row

from fustor_conformance.monitor import observed, observed_run
from fustor_conformance.monitor.calls import at_once
from fustor_core.exceptions import DriverError, RetryableError
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_event_model import MessageSource

CONFIG = SourceConfig(driver="memory", uri="memory://none")


@pytest.fixture
def world():
    with MemoryWorld() as entered:
        entered.create("a")
        yield entered


def apart(driver_class):
    """The class as if it were of a package of its own; what a driver's own package calls is not looked at."""
    driver_class.__module__ = "kit_somewhere_else"
    return driver_class


def config(world):
    return SourceConfig.model_validate(world.config())


def rules(monitor):
    return sorted({finding.rule_id for finding in monitor.findings})


def test_the_class_reads_as_before_while_it_is_watched():
    before = {
        name: inspect.signature(getattr(MemoryDriver, name)) for name in ("__init__", "close", "get_snapshot_iterator")
    }
    is_async = inspect.iscoroutinefunction(MemoryDriver.close)
    untouched = dict(vars(MemoryDriver))
    with observed(MemoryDriver):
        assert {name: inspect.signature(getattr(MemoryDriver, name)) for name in before} == before
        assert inspect.iscoroutinefunction(MemoryDriver.close) is is_async
        assert str(inspect.signature(MemoryDriver)) == "(id: 'str', config: 'SourceConfig') -> 'None'"
    assert dict(vars(MemoryDriver)) == untouched


def test_an_instance_is_of_its_own_class_and_holds_nothing_more():
    bare = vars(MemoryDriver("kit", CONFIG)).keys()
    with observed(MemoryDriver):
        driver = MemoryDriver("kit", CONFIG)
        assert type(driver) is MemoryDriver
        assert vars(driver).keys() == bare


@apart
class One(MemoryDriver):
    """One object for everybody."""

    only = None

    def __new__(cls, *_, **__):
        cls.only = cls.only or super().__new__(cls)
        return cls.only


@apart
class Slotted(MemoryDriver):
    __slots__ = ("more",)


@pytest.mark.parametrize("driver_class", [One, Slotted])
def test_unusual_classes_work_and_are_heard(driver_class, world):
    with observed(driver_class) as monitor:
        first, second = driver_class("a", config(world)), driver_class("b", config(world))
        assert len([*first.get_snapshot_iterator(), *second.get_snapshot_iterator()]) == 2
    assert monitor.observed["E06"] == 2


def test_an_iterator_goes_when_nobody_holds_it(world):
    left = threading.Event()

    @apart
    class Telling(MemoryDriver):
        def snapshot_rows(self, stop, partition):
            try:
                yield from super().snapshot_rows(stop, partition)
            finally:
                left.set()

    world.create("b")
    gc.disable()
    try:
        with observed(Telling):
            iterator = Telling("kit", config(world)).get_snapshot_iterator(batch_size=1)
            next(iterator)
            del iterator
            assert left.is_set()
    finally:
        gc.enable()


def test_an_instance_goes_when_nobody_holds_it(world):
    with observed(MemoryDriver):
        driver = MemoryDriver("kit", config(world))
        list(driver.get_snapshot_iterator())
        seen = weakref.ref(driver)
        del driver
        assert seen() is None


def test_an_iterator_can_be_closed_as_a_generator_can(world):
    with observed(MemoryDriver):
        iterator = MemoryDriver("kit", config(world)).get_snapshot_iterator()
        iterator.close()
        assert list(iterator) == []


@apart
class AuditOfSnapshot(MemoryDriver):
    """An audit that is made of the driver's own snapshot."""

    def get_audit_iterator(self, **kwargs):
        del kwargs
        for one in self.get_snapshot_iterator():
            one.message_source = MessageSource.AUDIT
            one.rows = [{**row, "parent_mtime": row["mtime"]} for row in one.rows]
            one.fields = list(one.rows[0])
            yield one


def test_what_a_driver_asks_of_itself_is_its_own_affair(world):
    with observed(AuditOfSnapshot) as monitor:
        list(AuditOfSnapshot("kit", config(world)).get_audit_iterator())
    assert not {"E02", "E10"} & set(rules(monitor))


def test_an_instance_is_heard_by_the_block_that_it_was_constructed_in(world):
    with observed(MemoryDriver) as outer:
        mine = MemoryDriver("kit", config(world))
        with observed(MemoryDriver) as inner:
            list(mine.get_snapshot_iterator())
            list(MemoryDriver("kit", config(world)).get_snapshot_iterator())
    list(mine.get_snapshot_iterator())
    assert (outer.observed["E06"], inner.observed["E06"]) == (1, 1)


def test_a_block_within_a_block_passes_on_what_it_does_not_keep(world):
    @apart
    class Twice(MemoryDriver):
        def row(self, path, node, **more):
            return {**super().row(path, node, **more), "size": -1, "file_name": "x"}

    with observed(Twice) as outer, observed(Twice, kept=frozenset({"E06"})) as inner:
        list(Twice("kit", config(world)).get_snapshot_iterator())
    assert rules(inner) == ["E06", "E11"]
    assert rules(outer) == ["E11"]


@apart
class Raising(MemoryDriver):
    error: BaseException = KeyError("x")

    def get_latest_position(self):
        raise self.error

    def is_position_available(self, position):
        raise self.error

    def snapshot_rows(self, stop, partition):
        raise self.error
        yield


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyError("x"), ["C07", "C16"]),
        (DriverError("x"), ["C07"]),
        (RetryableError("x"), ["C07"]),
        (NotImplementedError("x"), []),
        (SystemExit(), []),
    ],
)
def test_what_may_leave_a_driver(error, expected, world, monkeypatch):
    monkeypatch.setattr(Raising, "error", error)
    with observed(Raising) as monitor:
        driver = Raising("kit", config(world))
        for call in (
            driver.get_latest_position,
            lambda: driver.is_position_available(1),
            lambda: list(driver.get_snapshot_iterator()),
        ):
            with pytest.raises(type(error)):
                call()
    assert rules(monitor) == expected


def test_arguments_that_are_refused_are_no_error_of_the_driver(world):
    @apart
    class Narrow(MemoryDriver):
        def get_snapshot_iterator(self):
            return iter(())

    with observed(Narrow) as monitor, pytest.raises(TypeError):
        Narrow("kit", config(world)).get_snapshot_iterator(kit_unknown=1)
    assert rules(monitor) == ["C11"]


def test_a_slow_call_of_a_bulk_phase_is_said_and_one_of_the_stream_is_not():
    assert [finding.rule_id for finding in at_once("get_snapshot_iterator", 5.5)] == ["C12"]
    assert list(at_once("get_message_iterator", 9.0)) == list(at_once("get_audit_iterator", 0.5)) == []


@apart
class Careless(LogDriver):
    """A pusher that answers and does whatever it is told to."""

    reply: object = None

    async def push(self, events, **kwargs):
        del kwargs
        if self.reply == "mutates":
            events[0].rows[0]["size"] = 9
        elif self.reply == "empties":
            events.clear()
        elif self.reply == "replaces":
            events[0] = events[0].model_copy()
        return self.reply if isinstance(self.reply, dict) else {"success": True, "snapshot_needed": False}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (None, []),
        ({"success": True, "snapshot_needed": False, "refused_rows": 1}, []),
        ("mutates", ["U11"]),
        ("empties", ["U11"]),
        ("replaces", ["U11"]),
        ({}, ["U06"]),
        ({"success": True}, ["U06"]),
        ({"success": True, "snapshot_needed": 0}, ["U06"]),
        ({"success": True, "snapshot_needed": False, "refused_rows": 2}, ["U18"]),
        ({"success": True, "snapshot_needed": False, "refused_rows": None}, ["U18"]),
        ({"success": True, "snapshot_needed": False, "refused_deletions": -1}, ["U19"]),
    ],
)
def test_what_a_pusher_answers_and_does_to_its_batch(reply, expected, monkeypatch):
    monkeypatch.setattr(Careless, "reply", reply)
    with FileWorld() as world, observed(Careless) as monitor:
        pusher = Careless("kit", PusherConfig.model_validate(world.config()))
        asyncio.run(pusher.push([event(row("/a"))], session_id="x"))
    assert rules(monitor) == expected


@apart
class Changes(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        config.driver_params["filled_in"] = "hunter2"


def test_a_changed_configuration_is_said_without_its_values():
    with observed(Changes) as monitor:
        Changes("kit", SourceConfig(driver="memory", uri="memory://none"))
    assert rules(monitor) == ["C18"]
    assert "hunter2" not in str(monitor.findings)


@apart
class SetsEnvironment(MemoryDriver):
    def get_latest_position(self):
        os.environ["KIT_SET"] = "hunter2"
        return 1


def test_a_changed_environment_is_said_without_its_value_and_put_back():
    with observed(SetsEnvironment) as monitor:
        SetsEnvironment("kit", CONFIG).get_latest_position()
    assert rules(monitor) == ["C15"]
    assert "hunter2" not in str(monitor.findings)
    assert "KIT_SET" not in os.environ


@apart
class Fresh(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self.shared = {}

    def row(self, path, node, **more):
        self.shared.update(super().row(path, node, **more))
        return self.shared


def test_one_row_object_for_two_paths_is_said(world):
    world.create("b")
    with observed(Fresh) as monitor:
        list(Fresh("kit", config(world)).get_snapshot_iterator(batch_size=1))
    assert "E10" in rules(monitor)


@apart
class LateTouch(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        before = None
        for one in super().get_snapshot_iterator(**kwargs):
            if before is not None:
                before.rows[0]["size"] += 1
            yield one
            before = one


def test_an_event_that_the_driver_changes_afterwards_is_said_and_what_the_host_changes_is_not(world):
    world.create("b")
    for driver_class, expected in ((LateTouch, ["E10"]), (MemoryDriver, [])):
        with observed(driver_class) as monitor:
            for one in driver_class("kit", config(world)).get_snapshot_iterator(batch_size=1):
                one.rows[0]["mapped"] = True
        assert rules(monitor) == expected


def test_the_hosts_dict_may_be_merged_by_the_host_alone(world):
    @apart
    class Writes(MemoryDriver):
        def container(self, system, path, node, above, **more):
            cache.update({path: node.mtime})
            return super().container(system, path, node, above, **more)

    for driver_class, expected in ((MemoryDriver, []), (Writes, ["A08"])):
        cache = {}
        with observed(driver_class) as monitor:
            for _, stamps in driver_class("kit", config(world)).get_audit_iterator(mtime_cache=cache):
                cache.update(stamps)
        assert rules(monitor) == expected


@apart
def test_a_run_tells_each_finding_when_it_is_seen_and_leaves_the_process_to_its_host(world):
    seen = []
    with observed_run(SetsEnvironment, on_finding=seen.append):
        driver = SetsEnvironment("kit", config(world))
        driver.get_latest_position()
        assert seen == []
    assert os.environ.pop("KIT_SET") == "hunter2"
    with observed_run(Fresh, on_finding=seen.append):
        list(Fresh("kit", config(world)).get_snapshot_iterator())
        world.create("b")
        list(Fresh("kit", config(world)).get_snapshot_iterator(batch_size=1))
    assert {finding.rule_id for finding in seen} == {"E10"}


def test_an_audit_under_a_host_that_sets_the_drivers_own_stop_event_owes_no_end(world):
    with observed(MemoryDriver) as monitor:
        driver = MemoryDriver("kit", config(world))
        audit = driver.get_audit_iterator(batch_size=1)
        next(audit)
        driver._stop_driver_event.set()
        assert len(list(audit)) == 0
    assert rules(monitor) == []
