"""The abstract classes: what must be implemented, and defaults that never lie."""

import asyncio
import inspect

import pytest

import fustor_core
from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import NotSupported
from fustor_core.models.config import PusherConfig, SourceConfig


class SmallSource(SourceDriver):
    def get_snapshot_iterator(self, **kwargs):
        return super().get_snapshot_iterator(**kwargs)

    def get_message_iterator(self, start_position=-1, **kwargs):
        return super().get_message_iterator(start_position, **kwargs)

    @classmethod
    async def get_available_fields(cls, **kwargs):
        return await super().get_available_fields(**kwargs)


class SmallPusher(PusherDriver):
    async def push(self, events, **kwargs):
        return await super().push(events, **kwargs)

    async def heartbeat(self, **kwargs):
        return await super().heartbeat(**kwargs)

    async def create_session(self, task_id, **kwargs):
        return await super().create_session(task_id, **kwargs)

    @classmethod
    async def get_needed_fields(cls, **kwargs):
        return await super().get_needed_fields(**kwargs)


@pytest.fixture
def source():
    return SmallSource("s", SourceConfig(driver="small", uri="mem://s"))


@pytest.fixture
def pusher():
    return SmallPusher(id="p", config=PusherConfig(driver="small", endpoint="mem://p"))


@pytest.mark.parametrize(
    ("driver", "abstract"),
    [
        (SourceDriver, {"get_snapshot_iterator", "get_message_iterator", "get_available_fields"}),
        (PusherDriver, {"push", "heartbeat", "create_session", "get_needed_fields"}),
    ],
)
def test_the_abstract_methods_are_those_of_the_contract(driver, abstract):
    assert driver.__abstractmethods__ == abstract
    with pytest.raises(TypeError, match="abstract"):
        driver("id", None)


@pytest.mark.parametrize("driver", [SourceDriver, PusherDriver])
def test_a_driver_is_constructed_by_position_and_by_keyword(driver):
    assert list(inspect.signature(driver).parameters) == ["id", "config"]


def test_a_driver_keeps_what_it_was_given(source, pusher):
    assert (source.id, source.config.uri) == ("s", "mem://s")
    assert (pusher.id, pusher.config.endpoint) == ("p", "mem://p")


def test_every_method_takes_unknown_keywords_where_hosts_pass_some():
    fixed = {"__init__", "is_transient", "is_position_available", "acknowledge", "get_latest_position", "close"}
    fixed |= {"get_snapshot_partitions", "perform_sentinel_check", "statistics", "get_wizard_steps"}
    for driver in (SourceDriver, PusherDriver):
        for name, method in inspect.getmembers(driver, callable):
            if not name.startswith("_") and name not in fixed:
                kinds = [parameter.kind for parameter in inspect.signature(method).parameters.values()]
                assert inspect.Parameter.VAR_KEYWORD in kinds, name


def test_a_source_without_a_log_resumes_nowhere(source):
    assert [source.is_position_available(position) for position in (-1, 0, 1, 10**18)] == [False] * 4
    assert source.is_transient is False
    with pytest.raises(NotSupported, match="SmallSource has no positions"):
        source.get_latest_position()


def test_a_source_without_scans_and_checks_on_demand_says_so(source):
    with pytest.raises(NotSupported, match="SmallSource cannot scan '/a' alone"):
        source.scan_path("/a", recursive=False)
    with pytest.raises(NotSupported, match="SmallSource cannot answer 'suspect_check'"):
        source.perform_sentinel_check({"type": "suspect_check", "paths": ["/a"]})


def test_a_source_is_one_partition_with_no_audit_and_no_counters(source):
    assert source.get_snapshot_partitions(8) == [None]
    assert list(source.get_audit_iterator(mtime_cache={})) == []
    assert source.statistics() == {}
    assert source.capabilities == frozenset()


def test_acknowledging_where_nothing_is_held_back_is_harmless(source):
    assert source.acknowledge(5) is None


@pytest.mark.parametrize("name", ["test_connection", "check_privileges", "check_runtime_params", "create_agent_user"])
def test_a_check_that_a_source_lacks_says_so(name):
    passed, text = asyncio.run(getattr(SmallSource, name)(uri="mem://s", credential="hunter2"))
    assert not passed
    assert text.startswith(f"Not supported: SmallSource has no {name}")
    assert "hunter2" not in text


@pytest.mark.parametrize("name", ["test_connection", "check_privileges"])
def test_a_check_that_a_pusher_lacks_says_so(name):
    assert asyncio.run(getattr(SmallPusher, name)()) == (False, f"Not supported: SmallPusher has no {name}")


def test_the_other_defaults_of_both_kinds(source, pusher):
    for driver in (source, pusher):
        assert asyncio.run(driver.get_wizard_steps()) == {"steps": []}
        assert asyncio.run(driver.close()) is None
    assert asyncio.run(pusher.get_latest_committed_index(session_id="x")) == -1


def test_the_abstract_bodies_answer_nothing(source, pusher):
    calls = [pusher.push([]), pusher.heartbeat(), pusher.create_session("t")]
    calls += [SmallPusher.get_needed_fields(), SmallSource.get_available_fields()]
    assert [asyncio.run(call) for call in calls] == [None] * 5
    assert source.get_snapshot_iterator() is None
    assert source.get_message_iterator() is None


def test_everything_public_is_declared_and_exists():
    assert sorted(fustor_core.__all__) == fustor_core.__all__
    assert all(getattr(fustor_core, name) is not None for name in fustor_core.__all__)
