"""A driver of which nothing is written yet but its name, and one method that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import typer

from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase


class StubDriver(SourceDriver):
    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        raise NotImplementedError("Return an iterator")

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        raise NotImplementedError

    def get_audit_iterator(self, **_: Any) -> Iterator[EventBase]:
        return self._listed([])

    def _listed(self, rows: list[EventBase]) -> Iterator[EventBase]:
        yield rows[0]

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError("Return the fields")


def leave(how: str) -> None:
    """Leave by one of typer's own ways, or not."""
    if how == "exit":
        raise typer.Exit(5)
    if how == "usage":
        raise typer.BadParameter("not like this")
    raise ValueError(how)


class World:
    @classmethod
    def demo(cls) -> AbstractContextManager[dict[str, Any]]:
        raise NotImplementedError("Return a context manager")
