"""Family C, what is said: fields that are announced, and secrets that are in no text."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fustor_conformance._desk import told
from fustor_conformance._reading import rows_of
from fustor_conformance.monitor import observed
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.rules import Kind
from fustor_conformance.subject import SourceSubject, Subject
from fustor_conformance.worlds import WithBrokenConfig, WithLongValues
from fustor_core.models.config import PasswdCredential
from fustor_event_model import MessageSource

_SECRET = "kit-s3cret-w0rd"  # noqa: S105 - it must not turn up in any text
_PUSH_SEC = 20.0


@check("C23")
def no_secret_in_any_text(subject: Subject) -> int:
    """Used with a password, where nothing can work, and with a parameter that is wrong."""
    seen = 0
    for keywords in _configurations(subject):
        with _listening() as texts, observed(subject.driver_class):  # what else goes wrong then, others say
            _try(subject, keywords, texts)
        if told_by := [text for text in texts if _SECRET in text]:
            raise Broken("A password or a parameter's value stands in a text of the driver", told_by[0][-500:])
        seen += 1
    return seen


def _configurations(subject: Subject) -> Iterator[dict[str, Any]]:
    address = "uri" if subject.kind is Kind.SOURCE else "endpoint"
    with ExitStack() as stack:
        world = stack.enter_context(subject.make_world())
        known = [world.config()]
        if isinstance(world, WithBrokenConfig):
            known.append(world.broken())
        for keywords in known:
            quick = {**keywords, "max_retries": 1, "retry_delay_sec": 0.01}
            secret = {"credential": PasswdCredential(user="kit", passwd=_SECRET)}
            yield {**quick, **secret}
            yield {**quick, **secret, address: _with_secret(keywords[address])}
        yield {**known[0], "driver_params": {**(known[0].get("driver_params") or {}), "kit_unknown": _SECRET}}


def _with_secret(address: str) -> str:
    """The same address with a password in it, where it has a user."""
    parts = urlsplit(address)
    if "@" not in parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=f"kit:{_SECRET}@{parts.netloc.rpartition('@')[2]}"))


def _try(subject: Subject, keywords: dict[str, Any], texts: list[str]) -> None:
    try:
        instance = subject.driver_class("kit", subject.parse(keywords))
        texts.append(f"{instance!r} {instance}")
        try:
            if subject.kind is Kind.SOURCE:
                next(iter(instance.get_snapshot_iterator()), None)
            else:
                asyncio.run(_pushed_to(instance))
        finally:
            asyncio.run(instance.close())
    except NotImplementedError:
        raise
    except Exception as err:  # noqa: BLE001 - whatever it is, its text is what is looked at
        texts.append("".join(traceback.format_exception(err)))


async def _pushed_to(instance: Any) -> None:
    async with asyncio.timeout(_PUSH_SEC):
        session = await instance.create_session("kit:task")
        event = told(MessageSource.REALTIME, "/kit-a", index=1)
        await instance.push([event], session_id=session["session_id"])
        await instance.push([event], session_id="kit-no-such-session")


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Everything that is logged while the block runs, at every level."""
    texts: list[str] = []
    handler, root = _Into(texts), logging.getLogger()
    level, disabled = root.level, root.manager.disable
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.disable(logging.NOTSET)
    try:
        yield texts
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        logging.disable(disabled)


class _Into(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@check("C24")
def rows_as_announced(subject: SourceSubject) -> int:
    """Keys of snapshot and realtime rows that the class announces nothing of."""
    with subject.world() as world, subject.driver(world) as driver:
        config = subject.config(world)
        asked = {"uri": config.uri, "credential": config.credential, "driver_params": config.driver_params}
        answer = asyncio.run(subject.driver_class.get_available_fields(**asked))
        with subject.stream(driver) as stream:
            if "create" in world.operations:
                path = world.create("kit-announced")
                stream.wait_for(lambda events: any(row["path"] == path for row in rows_of(events)))
            if isinstance(world, WithLongValues):
                world.create_long("kit-long")
            rows = [*rows_of(driver.get_snapshot_iterator()), *rows_of(stream.events)]
    announced = set(answer["properties"])
    for row in rows:
        if unknown := sorted(set(row) - announced):
            raise Broken(f"Rows carry {unknown}, which get_available_fields does not announce", row, sorted(announced))
    return len(rows)
