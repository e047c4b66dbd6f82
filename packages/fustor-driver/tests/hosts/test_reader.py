import asyncio
import threading

import pytest

from fustor_driver.hosts.reader import Reader
from fustor_event_model import LifecycleSignal
from fustor_try.scripted import event, signal


def _run(scenario):
    async def bounded():
        async with asyncio.timeout(10):
            return await scenario()

    return asyncio.run(bounded())


async def _all(reader, max_events=1000, max_rows=10_000):
    found = []
    while events := await reader.take(max_events, max_rows):
        found.append([row["path"] for taken in events for row in taken.rows])
    return found


@pytest.mark.parametrize("linger_sec", [0.0, 0.05])
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_everything_arrives_once_and_in_order(limit, linger_sec):
    async def scenario():
        reader = Reader("r", lambda _: (event(f"/{at}") for at in range(2000)), limit, linger_sec=linger_sec)
        reader.start()
        found = await _all(reader)
        assert await reader.join()
        return [path for batch in found for path in batch]

    assert _run(scenario) == [f"/{at}" for at in range(2000)]


def test_a_batch_ends_at_its_bounds():
    async def scenario():
        reader = Reader("r", lambda _: iter([event(f"/{at}") for at in range(7)]), 100, linger_sec=0.05)
        reader.start()
        return [len(batch) for batch in await _all(reader, max_events=3)]

    assert _run(scenario) == [3, 3, 1]


def test_a_reader_is_ahead_by_no_more_than_its_limits():
    read = []

    def events():
        for at in range(100):
            read.append(at)
            yield event(f"/{at}")

    async def scenario(**limits):
        read.clear()
        reader = Reader("r", lambda _: events(), **limits)
        reader.start()
        await reader.take(1, 1)
        await asyncio.sleep(0.05)  # time in which a reader without limits would read all
        seen = len(read)
        await reader.join()
        return seen

    assert _run(lambda: scenario(limit=5)) <= 7
    assert _run(lambda: scenario(limit=1000, limit_rows=5)) <= 7


def _heavy(path, size):
    made = event(path)
    made.rows[0]["record"] = {"text": "x" * size}
    return made


def test_a_reader_is_ahead_by_no_more_than_its_bytes():
    read = []

    def events():
        for at in range(100):
            read.append(at)
            yield _heavy(f"/{at}", 100_000)

    async def scenario():
        reader = Reader("r", lambda _: events(), 1000, limit_bytes=500_000, linger_sec=0.05)
        reader.start()
        taken = [len(await reader.take(1000, 10_000, 250_000)) for _ in range(3)]
        await asyncio.sleep(0.05)  # time in which a reader without limits would read all
        seen = len(read)
        rest = await _all(reader)
        assert await reader.join()
        return taken, seen, sum(taken) + sum(map(len, rest))

    taken, seen, everything = _run(scenario)
    assert max(taken) == 3
    assert seen <= sum(taken) + 6
    assert everything == 100


def test_one_event_that_is_larger_than_every_limit_goes_through():
    async def scenario():
        reader = Reader("r", lambda _: iter([_heavy(f"/{at}", 100_000) for at in range(5)]), 10, limit_bytes=10)
        reader.start()
        return await _all(reader)

    assert _run(scenario) == [["/0"], ["/1"], ["/2"], ["/3"], ["/4"]]


def test_an_error_comes_after_everything_before_it():
    def events():
        yield event("/a")
        raise ValueError("broken")

    async def scenario():
        reader = Reader("r", lambda _: events(), 10)
        reader.start()
        await reader.opened()
        assert await reader.take(10, 10)
        with pytest.raises(ValueError, match="broken"):
            await reader.take(10, 10)

    _run(scenario)


def test_an_error_while_opening_is_raised_to_who_waits_for_it():
    def fail(_):
        raise ValueError("closed")

    async def scenario():
        reader = Reader("r", fail, 10)
        reader.start()
        with pytest.raises(ValueError, match="closed"):
            await reader.opened()

    _run(scenario)


def test_a_pause_lasts_until_the_reader_is_resumed():
    asked = threading.Event()

    def events():
        yield signal(LifecycleSignal.AUDIT_START)
        asked.set()
        yield event("/a")

    async def scenario():
        reader = Reader(
            "r", lambda _: events(), 10, pause_after=lambda found: found.signal is not None, linger_sec=0.01
        )
        reader.start()
        assert await reader.take(10, 10)
        assert not asked.wait(0.05)
        reader.resume()
        return await _all(reader)

    assert _run(scenario) == [["/a"]]


def test_a_generator_is_closed_in_its_own_thread_when_the_reader_stops():
    closed_in = []

    def events():
        try:
            while True:
                yield event("/a")
        finally:
            closed_in.append(threading.current_thread().name)

    async def scenario():
        reader = Reader("r", lambda _: events(), 10)
        reader.start()
        await reader.take(1, 1)
        return await reader.join()

    assert _run(scenario)
    assert closed_in == ["fustor-r"]


def test_a_thread_that_does_not_end_is_told():
    never = threading.Event()

    def events():
        never.wait()
        yield event("/a")

    async def scenario():
        reader = Reader("r", lambda _: events(), 10)
        reader.start()
        assert not await reader.join(0.05)
        never.set()
        assert await reader.join(5)

    _run(scenario)
