"""Sources that declare more or less of what engines ask for, over the log of operations."""

import json
import threading

from fustor_core.models.config import SourceConfig
from fustor_event_model import MessageSource, UpdateEvent
from fustor_try.log_source import LogDriver

PLAIN = frozenset({"acknowledge", "get_latest_position"})


class PlainLog(LogDriver):
    """Says how far its log goes, and nothing else: its stream has no end."""

    capabilities = PLAIN


class BoundedLog(LogDriver):
    """Ends its stream where it is asked to."""

    capabilities = PLAIN | {"end_position"}

    def get_message_iterator(self, start_position=-1, **kwargs):
        end, stop = kwargs.get("end_position"), kwargs.get("stop_event") or threading.Event()
        stream = super().get_message_iterator(start_position, **kwargs)
        return stream if end is None else self._up_to(stream, end, stop)

    def _up_to(self, stream, end, stop):
        if end <= 0:
            return
        for event in stream:
            if event.index <= end:
                yield event
            if event.index >= end or stop.is_set():
                return


class TellingLog(LogDriver):
    """Tells how far it is while nothing happens."""

    capabilities = PLAIN | {"progress_interval"}

    def _follow(self, position, stop):
        while not (stop.is_set() or self._stop_driver_event.is_set()):
            for event in self._new(position):
                yield event
                position = event.index
            stop.wait(0.01)
            yield UpdateEvent(
                fields=[],
                rows=[],
                index=position,
                event_schema="try",
                table="",
                message_source=MessageSource.REALTIME,
            )

    def _new(self, position):
        for at, line in enumerate(self._lines()[position:], position + 1):
            yield self._event(json.loads(line), at)


class NoLog(LogDriver):
    """Has no positions at all."""

    capabilities = frozenset()


def source(driver, world, **params):
    return driver("s", SourceConfig(driver="try_log", uri=str(world.log), retry_delay_sec=0.01, driver_params=params))
