"""Family L: the package as it is written; what it declares, and its code, which is read and not run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.resources import files

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from fustor_conformance.checks.instances import refusal
from fustor_conformance.checks.package import distribution_of, require_unseen
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.registry import check
from fustor_conformance.subject import Subject
from fustor_conformance.written import classes, modules
from fustor_conformance.written.sources import Seen, Sources
from fustor_core.exceptions import ConfigError

_UNKNOWN = "kit_no_such_parameter"
_SECRET = "kit-s3cret"  # noqa: S105 - of a parameter that there is not
_TOO_OLD = [f"3.{minor}.99" for minor in range(11)]


@check("L01")
def metadata(subject: Subject) -> int:
    """What an index shows, and what an installer asks."""
    told = distribution_of(subject).metadata
    wanted = ("Summary", "License-Expression", "Requires-Python")
    if lacking := [name for name in wanted if name not in told or not told[name]]:
        raise Broken(f"The metadata has no {' and no '.join(lacking)}")
    try:
        allowed = [old for old in _TOO_OLD if SpecifierSet(told["Requires-Python"]).contains(old)]
    except InvalidSpecifier as err:
        raise Broken(f"Requires-Python is {told['Requires-Python']!r}, which is not a version specifier") from err
    if allowed:
        raise Broken(f"Requires-Python {told['Requires-Python']!r} allows Python {allowed[-1]}")
    return len(wanted)


@check("L02")
def types_are_published(subject: Subject) -> int:
    """The marker of PEP 561."""
    package = _package(subject)
    if not files(package).joinpath("py.typed").is_file():
        raise Broken(f"The package {package!r} has no py.typed")
    return 1


@check("L03")
def public_names_exist(subject: Subject) -> int:
    """Each name of `__all__`."""
    module = import_module(_package(subject))
    named = getattr(module, "__all__", None)
    if not named:
        raise Broken(f"The package {module.__name__!r} does not say by __all__ what is public")
    if lacking := [name for name in named if not hasattr(module, name)]:
        raise Broken(f"__all__ of {module.__name__!r} names what is not there: {', '.join(lacking)}")
    return len(named)


@check("L04")
def rebuilt_from_json(subject: Subject) -> int:
    """The configuration written and read again."""
    with subject.configured() as config:
        again = type(config).model_validate_json(json.dumps(config.model_dump(mode="json")))
        try:
            instance = subject.driver_class("kit", again)
        except NotImplementedError:
            raise
        except Exception as err:
            raise Broken(f"With the JSON of its configuration the constructor raises {err!r}") from err
        asyncio.run(instance.close())
        if instance.config != config:
            raise Broken("The driver that was built from the JSON of a configuration has another one", instance.config)
    return 1


@check("L06")
def no_stub_in_a_release(subject: Subject) -> int:
    """From version 1 on."""
    if subject.version.startswith("0."):
        raise NotApplicable(f"Version {subject.version} is not said to be finished")
    return require_unseen(subject, classes.stubs)


def _read(rule_id: str, rule: Callable[[Sources], Iterator[Seen]], looked_at: str) -> None:
    """Let the code be judged by what reads it for a rule."""

    def judged(subject: Subject) -> int:
        return require_unseen(subject, rule)

    judged.__doc__ = looked_at
    check(rule_id)(judged)


_read("L05", classes.own_methods, "Nothing is left to the base class.")
_read("L07", modules.prints_nothing, "No call of print.")
_read("L08", modules.no_other_driver, "Neither another driver nor a tool.")
_read("L09", modules.events, "Wherever one is made, also where no scenario comes.")


@check("L10")
def unknown_parameter_named(subject: Subject) -> int:
    """One more than there is, with a value that is nobody's business."""
    distribution_of(subject)
    with subject.configured() as config:
        error = refusal(subject, config, {_UNKNOWN: _SECRET}, in_use=False)
    if error is None:
        raise Broken(f"The parameter {_UNKNOWN!r} in driver_params is taken without a word")
    if not isinstance(error, ConfigError):
        raise error
    if _UNKNOWN not in str(error) or _SECRET in str(error):
        raise Broken("The ConfigError does not name the parameter, or shows its value", str(error)) from error
    return 1


def _package(subject: Subject) -> str:
    distribution_of(subject)
    return subject.driver_class.__module__.partition(".")[0]
