"""Family C, the rest: what the class answers before a host runs a driver, and what is in no text of one that runs."""

from __future__ import annotations

import asyncio
import io
import logging
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fustor_conformance._desk import told
from fustor_conformance._reading import rows_of
from fustor_conformance._stubs import unwritten
from fustor_conformance.monitor import observed
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import Kind, check
from fustor_conformance.subject import Config, SourceSubject, Subject
from fustor_conformance.worlds import SourceWorld, WithBrokenConfig, WithInterruption, WithLongValues
from fustor_core.drivers import SourceDriver
from fustor_core.models.config import PasswdCredential
from fustor_driver.hosts.calls import connection_of
from fustor_event_model import MessageSource

_CHECK_SEC = 20.0
_PUSH_SEC = 20.0
_SECRET = "kit-s3cret"  # noqa: S105 - it must not turn up in any text
_MARKS = {"audit_skipped", "is_atomic_write", "parent_mtime"}
_CHECKS = {
    Kind.SOURCE: ("test_connection", "check_privileges", "check_runtime_params", "create_agent_user"),
    Kind.PUSHER: ("test_connection", "check_privileges"),
}


@check("C08")
def available_fields(subject: SourceSubject) -> int:
    """The shape that discovery reads, with and without keywords."""
    seen = _require_properties(asyncio.run(subject.driver_class.get_available_fields()))
    with subject.configured() as config:
        known = connection_of(config)
        for keywords in ({"uri": known["uri"]}, known):
            named = asyncio.run(subject.driver_class.get_available_fields(admin_creds={}, **keywords))
            seen += _require_properties(named)
    return seen + _require_named(subject, named["properties"].keys())


def _require_named(subject: SourceSubject, named: Iterable[str]) -> int:
    """Every key of the rows that snapshots and streams have; marks and a container's time are the contract's own."""
    if subject.world_factory is None:
        return 0
    try:
        with subject.world() as world, subject.driver(world) as driver:
            rows = _rows(subject, world, driver)
    except Exception:  # noqa: BLE001 - that the driver yields nothing, or fails, is for other rules to say
        return 0
    if unnamed := {key for row in rows for key in row} - _MARKS - set(named):
        raise Broken(f"Rows carry {sorted(unnamed)}, which get_available_fields does not name", *rows[:1])
    return len(rows)


def _rows(
    subject: SourceSubject, world: SourceWorld, driver: SourceDriver, *, long: bool = False
) -> list[dict[str, Any]]:
    """Rows of one snapshot and one stream, with a `long` value too where the World has any."""
    with subject.stream(driver) as stream:
        if "create" in world.operations:
            path = world.create("kit-announced")
            stream.wait_for(lambda events: any(row["path"] == path for row in rows_of(events)))
        if long and isinstance(world, WithLongValues):
            world.create_long("kit-long")
        return rows_of((*driver.get_snapshot_iterator(), *stream.events))


def _require_properties(answer: object) -> int:
    properties = answer.get("properties") if isinstance(answer, dict) else None
    if not isinstance(properties, dict):
        raise Broken("get_available_fields gives no {'properties': {...}}", answer)
    numbers = [p.get("column_index") if isinstance(p, dict) else None for p in properties.values()]
    if sorted(n if isinstance(n, int) else -1 for n in numbers) != list(range(len(properties))):
        raise Broken(f"column_index runs {numbers}, not 0 to {len(properties) - 1}")
    if untyped := [name for name, p in properties.items() if not isinstance(p.get("type"), str)]:
        raise Broken(f"No type, as text, for {untyped}")
    return len(properties)


@check("C09")
def checks_answer(subject: Subject) -> int:
    """A bool and a text, whatever keywords come."""
    with subject.configured() as config:
        asked = list(_questions(subject, config))
    names = _CHECKS[subject.kind]
    for name, keywords in product(names, asked):
        _require_answer(subject, name, keywords)
    seen = len(names) * len(asked)
    return seen if subject.world_factory is None else seen + _right_answers(subject)


def _right_answers(subject: Subject) -> int:
    """True of the World that is there, False of what is not there, or does not answer for a moment."""
    world = subject.make_world()
    try:
        with world:
            good = subject.parse(world.config())
            passed, text = _require_answer(subject, "test_connection", connection_of(good))
            if not passed and not _is_unsupported(text):
                raise Broken("test_connection says False of the World, which is there", text)
            seen = 1
            if isinstance(world, WithBrokenConfig):
                for name in _CHECKS[subject.kind]:
                    _require_refused(subject, name, subject.parse(world.broken()), "of a system that does not exist")
                    seen += 1
            if isinstance(world, WithInterruption):
                with world.interrupted():
                    _require_refused(subject, "test_connection", good, "while the system does not answer")
                seen += 1
    except NotImplementedError as err:
        if unwritten(err, type(world)):
            return 0
        raise
    return seen


def _require_refused(subject: Subject, name: str, config: Config, when: str) -> None:
    passed, text = _require_answer(subject, name, connection_of(config))
    if passed:
        raise Broken(f"{name} says True {when}", text)


def _is_unsupported(text: str) -> bool:
    return any(words in text.lower() for words in ("not supported", "not implemented", "unsupported"))


def _questions(subject: Subject, config: Config) -> Iterator[dict[str, Any]]:
    admin, address = {"user": "kit", "passwd": _SECRET}, subject.kind.address_key
    others = {"credential": PasswdCredential(**admin), "admin_creds": admin}
    yield {}
    yield connection_of(config)
    yield {address: "kit-nonsense://\x00 ?", **others, "driver_params": {"kit_unknown": 1}}
    yield {**connection_of(config), address: _with_secret(getattr(config, address)), **others}


def _with_secret(address: str) -> str:
    """The same address with a password in it, where its form has a place for one."""
    parts = urlsplit(address)
    if not parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=f"kit:{_SECRET}@{parts.netloc.rpartition('@')[2]}"))


def _require_answer(subject: Subject, name: str, keywords: dict[str, Any]) -> tuple[bool, str]:
    shown = ", ".join(keywords) or "no keywords"
    method = getattr(subject.driver_class, name)
    try:
        answer = asyncio.run(asyncio.wait_for(method(**keywords), _CHECK_SEC))
    except NotImplementedError:
        raise
    except TimeoutError as err:
        raise Broken(f"{name} with {shown} takes longer than {_CHECK_SEC:g} s") from err
    except Exception as err:
        raise Broken(f"{name} with {shown} raises {type(err).__name__}: {err}") from err
    if not (isinstance(answer, tuple) and [type(part) for part in answer] == [bool, str]):
        raise Broken(f"{name} with {shown} gives {answer!r}, not (bool, str)")
    passed, text = answer
    if _SECRET in text:
        raise Broken(f"{name} with {shown} shows the password", text)
    if passed and _is_unsupported(text):
        raise Broken(f"{name} with {shown} says True to what it does not support", text)
    return passed, text


@check("C10")
def wizard_shape(subject: Subject) -> int:
    """Steps with the keys that the wizard reads."""
    answer = asyncio.run(subject.driver_class.get_wizard_steps())
    if not isinstance(answer, dict) or not isinstance(answer.get("steps"), list):
        raise Broken("get_wizard_steps gives no {'steps': [...]}", answer)
    for step in answer["steps"]:
        for key, kind in {"step_id": str, "title": str, "schema": dict, "validations": list}.items():
            if not isinstance(step, dict) or not isinstance(step.get(key), kind):
                raise Broken(f"A step has no {key} of type {kind.__name__}", step)
        if absent := [name for name in step["validations"] if not hasattr(subject.driver_class, name)]:
            raise Broken(f"Validations {absent} are not methods of the class", step)
    if len({step["step_id"] for step in answer["steps"]}) < len(answer["steps"]):
        raise Broken("Two steps have one step_id", *answer["steps"])
    return 1 + len(answer["steps"])


@check("C23")
def no_secret_in_any_text(subject: Subject) -> int:
    """Used with a password, where nothing can work, and with a parameter that is wrong."""
    seen = 0
    for keywords in _configurations(subject):
        with _listening() as told_by, observed(subject.driver_class):  # what else goes wrong then, others say
            _try(subject, keywords, told_by)
        before, secret, _ = told_by.getvalue().partition(_SECRET)
        if secret:
            raise Broken("A password or a parameter's value stands in a text of the driver", before[-400:] + secret)
        seen += 1
    return seen


def _configurations(subject: Subject) -> Iterator[dict[str, Any]]:
    with subject.make_world() as world:
        known = [world.config()]
        if isinstance(world, WithBrokenConfig):
            known.append(world.broken())
        for keywords in known:
            quick = {**keywords, "max_retries": 1, "retry_delay_sec": 0.01}
            secret = {"credential": PasswdCredential(user="kit", passwd=_SECRET)}
            yield {**quick, **secret}
            if "@" in urlsplit(address := keywords[subject.kind.address_key]).netloc:
                yield {**quick, **secret, subject.kind.address_key: _with_secret(address)}
        yield {**known[0], "driver_params": {**(known[0].get("driver_params") or {}), "kit_unknown": _SECRET}}


def _try(subject: Subject, keywords: dict[str, Any], told_by: io.StringIO) -> None:
    try:
        with subject.instance(subject.parse(keywords)) as instance:
            print(repr(instance), instance, file=told_by)
            if subject.kind is Kind.SOURCE:
                next(iter(instance.get_snapshot_iterator()), None)
            else:
                asyncio.run(_pushed_to(instance))
    except NotImplementedError:
        raise
    except Exception as err:  # noqa: BLE001 - whatever it is, its text is what is looked at
        traceback.print_exception(err, file=told_by)


async def _pushed_to(instance: Any) -> None:
    async with asyncio.timeout(_PUSH_SEC):
        session = await instance.create_session("kit:task")
        event = told(MessageSource.REALTIME, "/kit-a", index=1)
        await instance.push([event], session_id=session["session_id"])
        await instance.push([event], session_id="kit-no-such-session")


@contextmanager
def _listening() -> Iterator[io.StringIO]:
    """Everything that is logged while the block runs, at every level."""
    told, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(told)
    level, disabled = root.level, root.manager.disable
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.disable(logging.NOTSET)
    try:
        yield told
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        logging.disable(disabled)


@check("C24")
def rows_as_announced(subject: SourceSubject) -> int:
    """Keys of snapshot and realtime rows that the class announces nothing of."""
    with subject.world() as world, subject.driver(world) as driver:
        known = connection_of(subject.config(world))
        answer = asyncio.run(subject.driver_class.get_available_fields(**known))
        rows = _rows(subject, world, driver, long=True)
    announced = set(answer["properties"])
    for row in rows:
        if unknown := sorted(set(row) - announced):
            raise Broken(f"Rows carry {unknown}, which get_available_fields does not announce", row, sorted(announced))
    return len(rows)
