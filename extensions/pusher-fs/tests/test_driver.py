"""The driver as a host sees it."""

import asyncio
import inspect
import os
import threading

import pytest
from pydantic import ValidationError

from fustor_core.drivers import PusherDriver
from fustor_core.exceptions import ConfigError, DriverError
from fustor_core.models import PusherConfig
from fustor_event_model import UpdateEvent
from fustor_pusher_fs import FsDriver, FsParams, _log, read_events


def config(endpoint="/nowhere", **params):
    return PusherConfig(driver="fs", endpoint=str(endpoint), driver_params=params)


async def session_of(driver, task="t"):
    return (await driver.create_session(task))["session_id"]


def test_construction_touches_nothing(tmp_path):
    for _ in range(2):
        FsDriver("p", config(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_every_abstract_method_is_there_and_takes_unknown_keywords():
    assert not inspect.isabstract(FsDriver)
    for name in ("push", "heartbeat", "create_session", "get_latest_committed_index", "get_needed_fields"):
        assert inspect.iscoroutinefunction(getattr(FsDriver, name))
        kinds = [p.kind for p in inspect.signature(getattr(FsDriver, name)).parameters.values()]
        assert inspect.Parameter.VAR_KEYWORD in kinds
        assert name in vars(PusherDriver)


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"segment_size": 1}, "segment_size"),
        ({"segment_max_bytes": 0}, "segment_max_bytes"),
        ({"retain_age_sec": -1}, "retain_age_sec"),
        ({"file_mode": "0777"}, "file_mode"),
        ({"file_mode": "0060"}, "file_mode"),
    ],
)
def test_wrong_parameters_are_refused_by_name(params, complaint):
    with pytest.raises(ConfigError, match=complaint):
        FsDriver("p", config(**params))


def test_parameters_are_frozen_and_have_a_schema():
    with pytest.raises(ValidationError):
        FsParams().segment_max_bytes = 1
    assert set(FsParams.model_json_schema()["properties"]) == set(FsParams.model_fields)


@pytest.mark.parametrize(
    "endpoint", ["", " ", "http://host/x", "file://host/x", "file:///x?y=1", "a\0b", "\ud800", "~no-such-user/x"]
)
def test_endpoints_that_name_no_directory_are_refused(endpoint):
    with pytest.raises(ConfigError, match="write"):
        FsDriver("p", config(endpoint))


def test_an_endpoint_may_be_a_file_address(tmp_path):
    async def main():
        driver = FsDriver("p", config(f"file://{tmp_path}/with%20space"))
        await driver.create_session("t")
        await driver.close()

    asyncio.run(main())
    assert (tmp_path / "with space" / "t").is_dir()


def test_a_host_that_passes_no_parameters_gets_the_defaults(tmp_path):
    assert FsDriver("p", PusherConfig(driver="fs", endpoint=str(tmp_path), driver_params=None))._params == FsParams()


def test_the_calls_of_a_whole_run(make_driver, event, tmp_path):
    """In the order and with the keywords of agent 0.2.16."""

    async def main():
        assert await FsDriver.get_needed_fields(endpoint="x") == {}
        driver = make_driver()
        session = await driver.create_session(task_id="agent:sync")
        sid = session.get("session_id")
        assert isinstance(sid, str)
        assert session.get("suggested_heartbeat_interval_seconds", 0) == 10
        assert await driver.get_latest_committed_index(session_id=sid) == -1
        assert (await driver.heartbeat(session_id=sid))["status"] == "ok"
        assert (await driver.heartbeat(can_realtime=True))["status"] == "ok"
        reply = await driver.push([event(1, "snapshot")], session_id=sid, source_type="snapshot")
        assert reply == {"success": True, "snapshot_needed": False, "committed_index": -1, "refused_deletions": 0}
        await driver.push([], task_id="x", session_id=sid, is_snapshot_end=True, source_type="snapshot")
        trigger = UpdateEvent(fields=[], rows=[], event_schema="", table="initial_trigger")
        await driver.push([trigger], session_id=sid, is_snapshot_end=False)
        await driver.push([event(2, index=5)], session_id=sid, is_snapshot_end=False, unknown=object())
        assert await driver.get_latest_committed_index(session_id=sid) == 5
        await driver.close()

    asyncio.run(main())
    batches = list(read_events(tmp_path / "out" / "agent%3Async"))
    assert [(b.phase, b.is_snapshot_end, [e.table for e in b.events]) for b in batches] == [
        ("snapshot", False, [""]),
        ("snapshot", True, []),
        ("realtime", False, ["initial_trigger"]),
        ("realtime", False, [""]),
    ]


def test_events_are_not_changed(make_driver, event):
    async def main():
        driver = make_driver()
        given = [event(1), event(2, "audit")]
        before = [one.model_copy(deep=True) for one in given]
        await driver.push(given, session_id=await session_of(driver))
        assert given == before

    asyncio.run(main())


def test_two_phases_may_push_at_once(make_driver, event, paths, tmp_path):
    async def main():
        driver = make_driver(segment_max_bytes=5_000)
        session = await session_of(driver)

        async def phase(source, first):
            for number in range(first, first + 50):
                await driver.push([event(number, source)], session_id=session)

        await asyncio.gather(phase("snapshot", 0), phase("realtime", 100))

    asyncio.run(main())
    seen = paths(tmp_path / "out" / "t")
    assert sorted(seen) == sorted(f"/{number}" for number in [*range(50), *range(100, 150)])
    assert [path for path in seen if int(path[1:]) < 100] == [f"/{number}" for number in range(50)]


def test_pushes_from_several_event_loops_are_committed_one_after_the_other(make_driver, event, paths, tmp_path):
    driver = make_driver()
    session = asyncio.run(session_of(driver))

    def push(first):
        for number in range(first, first + 20):
            asyncio.run(driver.push([event(number)], session_id=session))

    threads = [threading.Thread(target=push, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths(tmp_path / "out" / "t")) == 60


def test_a_cancelled_push_is_committed_once_if_it_is_repeated(make_driver, event, paths, tmp_path):
    async def main():
        driver = make_driver()
        session = await session_of(driver)
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        push = asyncio.ensure_future(driver.push([event(1)], session_id=session))
        await asyncio.wait([push], timeout=0)
        push.cancel()
        await asyncio.wait([push])
        await driver.push([event(1)], session_id=session)
        assert complaints == []

    asyncio.run(main())
    assert paths(tmp_path / "out" / "t") == ["/1"]


def test_tasks_do_not_share_anything(make_driver, event, paths, tmp_path):
    async def main():
        driver = make_driver()
        one, two = await session_of(driver, "one"), await session_of(driver, "two")
        await driver.push([event(1, "snapshot", 3)], session_id=one, is_snapshot_end=True)
        await driver.push([event(2)], session_id=two)
        assert await driver.get_latest_committed_index(session_id=one) == 3
        assert await driver.get_latest_committed_index(session_id=two) == -1

    asyncio.run(main())
    assert paths(tmp_path / "out" / "one") == ["/1"]
    assert paths(tmp_path / "out" / "two") == ["/2"]


@pytest.mark.parametrize("session_id", [None, "made-up"])
def test_a_session_that_nobody_opened_is_obsolete(make_driver, event, session_id):
    async def main():
        driver = make_driver()
        await driver.create_session("t")
        for call in (driver.push([event(1)], session_id=session_id), driver.get_latest_committed_index()):
            with pytest.raises(DriverError, match="obsolete"):
                await call
        with pytest.raises(DriverError, match="obsolete"):
            await driver.heartbeat(session_id="made-up")

    asyncio.run(main())


def test_close_may_be_called_twice_and_leaves_no_thread(make_driver, event):
    async def main():
        driver = make_driver()
        session = await session_of(driver)
        await driver.push([event(1)], session_id=session)
        await driver.close()
        await driver.close()
        with pytest.raises(DriverError, match="obsolete"):
            await driver.push([event(2)], session_id=session)
        with pytest.raises(DriverError, match="closed"):
            await driver.create_session("t")
        again = make_driver()
        await again.push([event(2)], session_id=await session_of(again))
        await again.close()

    before = threading.active_count()
    asyncio.run(main())
    assert threading.active_count() == before


def test_close_finishes_what_is_being_pushed(make_driver, event, paths, tmp_path):
    async def main():
        driver = make_driver()
        session = await session_of(driver)
        pushes = [asyncio.ensure_future(driver.push([event(n)], session_id=session)) for n in range(20)]
        await asyncio.wait(pushes, timeout=0)
        await driver.close()
        await asyncio.gather(*pushes)

    asyncio.run(main())
    assert paths(tmp_path / "out" / "t") == [f"/{n}" for n in range(20)]


def test_drivers_of_one_process_share_a_task(make_driver, event, paths, tmp_path):
    """As when a host constructs a new one before it has closed the old one."""

    async def main():
        one, two = make_driver(), make_driver(segment_max_bytes=1)
        first = await session_of(one)
        await one.push([event(1, "snapshot", 1)], session_id=first, is_snapshot_end=True)
        second = await session_of(two)
        assert await two.get_latest_committed_index(session_id=second) == 1
        await asyncio.gather(
            *(one.push([event(n, "audit")], session_id=first) for n in range(10, 20)),
            *(two.push([event(n, index=n)], session_id=second) for n in range(20, 30)),
        )
        await one.close()
        await two.push([event(30, index=30)], session_id=second)
        await two.close()
        await two.close()

    asyncio.run(main())
    assert sorted(paths(tmp_path / "out" / "t")) == sorted(f"/{n}" for n in [1, *range(10, 31)])
    assert len(list((tmp_path / "out" / "t").glob("*.jsonl"))) > 10


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # it does nothing but try to open
def test_a_forked_child_is_another_process(make_driver, tmp_path):
    asyncio.run(session_of(make_driver()))
    key = (os.getpid(), tmp_path / "out" / "t")
    assert key in _log._open
    child = os.fork()
    if child == 0:  # nothing of pytest's may run in here
        status = 1
        try:
            _log.acquire(tmp_path / "out" / "t", "t", FsParams(), clock=float)
        except ConfigError:
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_statistics_count_what_was_done(make_driver, event):
    async def main():
        driver = make_driver()
        session = await session_of(driver)
        for _ in range(2):
            await driver.push([event(1), event(2)], session_id=session)
        return dict(driver.statistics())

    seen = asyncio.run(main())
    assert seen["events"] == 2
    assert seen["duplicate_batches"] == 1
    assert seen["bytes_written"] > 0


@pytest.mark.parametrize("check", [FsDriver.test_connection, FsDriver.check_privileges])
def test_checks_pass_where_the_driver_will_work_and_leave_nothing(check, tmp_path):
    for endpoint in (tmp_path, tmp_path / "not" / "yet"):
        passed, text = asyncio.run(check(endpoint=str(endpoint), credential=None, unknown=1))
        assert passed, text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("check", [FsDriver.test_connection, FsDriver.check_privileges])
@pytest.mark.parametrize(
    ("endpoint", "params", "complaint"),
    [
        ("file", None, "not a directory"),
        ("file/below", None, "not a directory"),
        ("link", None, "symbolic link"),
        ("x", {"nonsense": 1}, "nonsense"),
        (None, None, "endpoint"),
    ],
)
def test_checks_say_what_is_wrong(check, tmp_path, endpoint, params, complaint):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    address = None if endpoint is None else str(tmp_path / endpoint)
    passed, text = asyncio.run(check(endpoint=address, driver_params=params))
    assert not passed
    assert complaint in text


def test_the_wizard_asks_for_the_endpoint():
    (step,) = asyncio.run(FsDriver.get_wizard_steps())["steps"]
    assert list(step["schema"]["properties"]) == ["endpoint"]
