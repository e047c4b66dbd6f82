"""Family C, the rest: what the class answers when a host asks before it runs a driver."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fustor_conformance._reading import rows_of
from fustor_conformance._stubs import unwritten
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.rules import Kind
from fustor_conformance.subject import SourceSubject, Subject
from fustor_conformance.worlds import WithBrokenConfig, WithInterruption
from fustor_core.models.config import PasswdCredential

_CHECK_SEC = 20.0
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
        answer = asyncio.run(subject.driver_class.get_available_fields(uri=config.uri, admin_creds={}))
        seen += _require_properties(answer)
        known = {"credential": config.credential, "driver_params": config.driver_params}
        named = asyncio.run(subject.driver_class.get_available_fields(uri=config.uri, admin_creds={}, **known))
        seen += _require_properties(named)
    return seen + _require_named(subject, named["properties"].keys())


def _require_named(subject: SourceSubject, named: Iterable[str]) -> int:
    """Every key of the rows that snapshots and streams have; marks and a container's time are the contract's own."""
    if subject.world_factory is None:
        return 0
    try:
        rows = _rows(subject)
    except Exception:  # noqa: BLE001 - that the driver yields nothing, or fails, is for other rules to say
        return 0
    if unnamed := {key for row in rows for key in row} - _MARKS - set(named):
        raise Broken(f"Rows carry {sorted(unnamed)}, which get_available_fields does not name", *rows[:1])
    return len(rows)


def _rows(subject: SourceSubject) -> list[dict[str, Any]]:
    """Rows of one stream and one snapshot."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        if "create" in world.operations:
            stream.require([world.create("kit-thing")])
        return rows_of((*stream.events, *driver.get_snapshot_iterator()))


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
        asked = list(_questions(subject.kind, config))
    seen = 0
    for name in _CHECKS[subject.kind]:
        for keywords in asked:
            _require_answer(subject, name, keywords)
            seen += 1
    return seen if subject.world_factory is None else seen + _right_answers(subject)


def _right_answers(subject: Subject) -> int:
    """True of the World that is there, False of what is not there, or does not answer for a moment."""
    world = subject.make_world()
    try:
        with world:
            good = subject.parse(world.config())
            _require_passed(subject, good)
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


def _require_passed(subject: Subject, config: Any) -> None:
    passed, text = _require_answer(subject, "test_connection", _keywords(subject.kind, config))
    if not passed and not _is_unsupported(text):
        raise Broken("test_connection says False of the World, which is there", text)


def _require_refused(subject: Subject, name: str, config: Any, when: str) -> None:
    passed, text = _require_answer(subject, name, _keywords(subject.kind, config))
    if passed:
        raise Broken(f"{name} says True {when}", text)


def _keywords(kind: Kind, config: Any) -> dict[str, Any]:
    address = "uri" if kind is Kind.SOURCE else "endpoint"
    return {address: getattr(config, address), "credential": config.credential, "driver_params": config.driver_params}


def _is_unsupported(text: str) -> bool:
    return any(words in text.lower() for words in ("not supported", "not implemented", "unsupported"))


def _questions(kind: Kind, config: Any) -> Iterator[dict[str, Any]]:
    address = "uri" if kind is Kind.SOURCE else "endpoint"
    credential = PasswdCredential(user="kit", passwd=_SECRET)
    admin = {"user": "kit", "passwd": _SECRET}
    told = {"credential": credential, "admin_creds": admin}
    yield {}
    yield _keywords(kind, config)
    yield {address: "kit-nonsense://\x00 ?", **told, "driver_params": {"kit_unknown": 1}}
    yield {address: _with_secret(getattr(config, address)), **told, "driver_params": config.driver_params}


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
