"""The questions of a driver: those of its `get_wizard_steps`, and what a configuration cannot do without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fustor_driver.bases import DriverClass
from fustor_driver.errors import FustorDriverError, NotConformant
from fustor_driver.kinds import Kind
from fustor_driver.params import params_model
from fustor_driver.redaction import is_secret
from fustor_driver.supervision import run_bounded

__all__ = ["Form", "Question", "Step", "read_steps"]

_ANSWER_SEC = 30.0
_SECTIONS = ("credential", "driver_params")


class Form(StrEnum):
    """How an answer is given."""

    TEXT = "text"
    YES_NO = "yes or no"
    CHOICE = "one of several"
    LIST = "several, with commas between them"
    SECRET = "the name of an environment variable"  # noqa: S105 - no secret, but how one is asked for
    YAML = "a value in YAML"


@dataclass(frozen=True)
class Question:
    """One field of an entry: `path` leads to it, such as `("credential", "user")`."""

    path: tuple[str, ...]
    title: str
    help: str = ""
    form: Form = Form.TEXT
    default: Any = None
    choices: tuple[Any, ...] = ()
    is_required: bool = False


@dataclass(frozen=True)
class Step:
    """Questions that belong together, and the class methods that judge their answers."""

    title: str
    questions: tuple[Question, ...]
    validations: tuple[str, ...] = ()


def read_steps(kind: Kind, driver: DriverClass) -> tuple[Step, ...]:
    """The driver's own steps; before them what these do not ask for, and no entry is complete without.

    Raises:
        NotConformant: `get_wizard_steps` does not return what the contract says.
    """
    try:
        answer = run_bounded(driver.get_wizard_steps, timeout_sec=_ANSWER_SEC)
        steps = [_step(step) for step in answer["steps"]]
    except FustorDriverError:
        raise
    except Exception as err:  # a foreign driver's, whatever it is
        raise NotConformant(
            f"{driver.__name__}.get_wizard_steps has to return steps with a schema each (driver contract, section 6), "
            f"and does not: {type(err).__name__}: {err}"
        ) from err
    asked = {question.path for step in steps for question in step.questions}
    if (kind.address_key,) not in asked:
        steps.insert(
            0, Step("Address", (Question((kind.address_key,), "Address", is_required=True),), ("test_connection",))
        )
    required = tuple(question for question in _required_params(driver) if question.path not in asked)
    return (*([Step("Parameters without a default", required)] if required else []), *steps)


def _step(step: Mapping[str, Any]) -> Step:
    schema = step["schema"]
    questions = tuple(_questions(schema, (), schema.get("$defs", {})))
    return Step(str(step["title"]), questions, tuple(map(str, step["validations"])))


def _required_params(driver: DriverClass) -> Iterator[Question]:
    model = params_model(driver)
    schema = model.model_json_schema() if model is not None else {}
    return (one for one in _questions(schema, ("driver_params",), schema.get("$defs", {})) if one.is_required)


def _questions(schema: Mapping[str, Any], path: tuple[str, ...], shared: Mapping[str, Any]) -> Iterator[Question]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        defined = shared | field.get("$defs", {})
        if not path and name in _SECTIONS and "properties" in field:
            yield from _questions(field, (name,), defined)
        else:
            yield _of_field((*path, name), field, defined, required=name in required)


def _of_field(
    path: tuple[str, ...], field: Mapping[str, Any], shared: Mapping[str, Any], *, required: bool
) -> Question:
    plain = _plain(field, shared)
    return Question(
        path,
        title=str(field.get("title") or path[-1]),
        help=str(field.get("description") or plain.get("description") or ""),
        form=_form(path[-1], plain),
        default=field.get("default", plain.get("default")),
        choices=tuple(plain.get("enum", ())),
        is_required=required,
    )


def _plain(field: Mapping[str, Any], shared: Mapping[str, Any]) -> Mapping[str, Any]:
    """The field without a reference to a shared definition, and without `or null`."""
    if "$ref" in field:
        return _plain(shared.get(field["$ref"].rpartition("/")[2], {}), shared)
    alternatives = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
    return _plain(alternatives[0], shared) if len(alternatives) == 1 else field


def _form(name: str, field: Mapping[str, Any]) -> Form:
    if field.get("format") == "password" or field.get("writeOnly") or is_secret(name):
        return Form.SECRET
    if "enum" in field:
        return Form.CHOICE
    if field.get("type") == "array" and _plain(field.get("items", {}), {}).get("type", "string") == "string":
        return Form.LIST
    return {"boolean": Form.YES_NO, "string": Form.TEXT}.get(str(field.get("type")), Form.YAML)
