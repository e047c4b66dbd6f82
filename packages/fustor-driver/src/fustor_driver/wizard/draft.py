"""One driver's entry of the file as far as it is known, and what is wrong with it."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.bases import CONFIGS, DriverClass
from fustor_driver.configuration import expand, validated, variables_in
from fustor_driver.errors import ConfigurationProblem, FieldProblem, FustorDriverError
from fustor_driver.hosts.calls import connection_of, is_unsupported
from fustor_driver.kinds import Kind
from fustor_driver.params import params_problems
from fustor_driver.redaction import REDACTOR, bare_secrets
from fustor_driver.supervision import Interrupted, in_thread, run_bounded
from fustor_driver.wizard.questions import Question

__all__ = ["Draft", "Told"]

_IN_CLEAR = "is not for this file; write '${NAME}', with the name of an environment variable that holds it"
_CONSTRUCT_SEC = 10.0


@dataclass(frozen=True)
class Told:
    """What a driver answered: None where it does not support the question."""

    passed: bool | None
    text: str


@dataclass
class Draft:
    """An entry for one driver, in the file's own syntax: `${NAME}` is an environment variable.

    `environ` is the environment with what the user typed in for the test of the connection alone.
    """

    kind: Kind
    id: str
    driver: DriverClass
    entry: dict[str, Any]
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    answered: set[tuple[str, ...]] = field(default_factory=set)

    def get(self, path: tuple[str, ...], default: Any = None) -> Any:
        """What the entry has there."""
        place: Any = self.entry
        for name in path:
            if not isinstance(place, dict) or name not in place:
                return default
            place = place[name]
        return place

    def put(self, path: tuple[str, ...], value: Any) -> None:
        """Put an answer into the entry; None takes it out."""
        self.answered.add(path)
        _put(self.entry, path, value)

    def variables(self) -> list[str]:
        """The environment variables that the entry names."""
        return sorted(variables_in(self.entry))

    def completed(self) -> Draft:
        """The same draft in an environment in which every variable is set, to whatever."""
        whole = dict.fromkeys(self.variables(), "x") | self.environ
        return replace(self, environ=whole)

    def is_answered(self, question: Question) -> bool:
        """Whether the entry has a value, or an answer was that the default stays."""
        return question.path in self.answered or self.get(question.path) is not None

    def fault_of(self, path: tuple[str, ...], value: Any) -> str | None:
        """Why an answer cannot stand, or None; as far as the entry is known, the driver's constructor is asked too."""
        tried = replace(self, entry=copy.deepcopy(self.entry))
        tried.put(path, value)
        key = ".".join(path)
        own = [one for one in tried.faults() if one.field == key or one.field.startswith(f"{key}.")]
        if own:
            return own[0].message
        return None if tried.faults() else tried.refusal()

    def faults(self) -> tuple[FieldProblem, ...]:
        """What is wrong with the entry, field by field."""
        found = [FieldProblem(place, _IN_CLEAR) for place in dict.fromkeys(bare_secrets(self.entry))]
        with _noting(found):
            expand(self.entry, self.environ)
        whole = self.completed()
        with _noting(found):
            whole.config()
        return (*found, *params_problems(self.driver, expand(self.entry.get("driver_params", {}), whole.environ)))

    def refusal(self) -> str | None:
        """What the driver's constructor says of the entry; None where it takes it."""
        make = functools.partial(self.driver, self.id, cast("Any", self.config()))
        try:
            run_bounded(lambda: in_thread(make, "fustor-construct"), timeout_sec=_CONSTRUCT_SEC, grace_sec=0.0)
        except TimeoutError:
            return f"The constructor of {self.driver.__name__} does not return within {_CONSTRUCT_SEC:g} s"
        except Interrupted:
            raise
        except Exception as err:  # noqa: BLE001 - a foreign driver's: shown as its answer, and no answer of the user's is lost
            return _words(err)
        return None

    def config(self) -> SourceConfig | PusherConfig:
        """The entry as the driver gets it.

        Raises:
            ConfigurationProblem: field by field; a variable that is not set as well.
        """
        data = expand(self.entry, self.environ)
        REDACTOR.learn(data)
        return validated(CONFIGS[self.kind], data)

    def ask(self, name: str, timeout_sec: float, **more: Any) -> Told:
        """What the driver answers to a question about the other side, such as `test_connection`.

        Raises:
            ConfigurationProblem: the entry is not complete.
            Interrupted: by SIGINT or SIGTERM.
        """
        keywords = connection_of(self.config()) | more
        try:
            passed, text = run_bounded(
                lambda: getattr(self.driver, name)(**keywords), timeout_sec=timeout_sec, grace_sec=0.0
            )
        except TimeoutError:
            return Told(passed=False, text=f"No answer within {timeout_sec:g} s")
        except FustorDriverError:
            raise
        except Exception as err:  # noqa: BLE001 - a foreign driver's: shown as its answer, and no answer of the user's is lost
            return Told(passed=False, text=_words(err))
        return Told(None if not passed and is_unsupported(text) else bool(passed), text)

    @property
    def can_create_user(self) -> bool:
        """Whether the driver creates the user that it needs, and a credential names one."""
        own = issubclass(self.driver, SourceDriver) and (
            self.driver.create_agent_user.__func__ is not SourceDriver.create_agent_user.__func__  # type: ignore[attr-defined]
        )
        return own and self.get(("credential", "user")) is not None


def _words(err: Exception) -> str:
    return str(err) if isinstance(err, DriverError | FustorDriverError) else f"{type(err).__name__}: {err}"


@contextmanager
def _noting(found: list[FieldProblem]) -> Iterator[None]:
    try:
        yield
    except ConfigurationProblem as err:
        found += err.problems


def _put(entry: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *parents, last = path
    place = entry
    for parent in parents:
        place = place.setdefault(parent, {})
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
    if parents and not place:
        entry.pop(parents[0], None)
