"""Families P and L: the distribution as it is installed, and the package as it is written."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.metadata import Distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from fustor_conformance._scenes import no_error
from fustor_conformance.apart import isolated
from fustor_conformance.checks.instances import refusal
from fustor_conformance.outcome import Broken, NotApplicable, NotJudged
from fustor_conformance.rules import check, check_by
from fustor_conformance.subject import Subject, driver_entries
from fustor_conformance.written import classes, modules
from fustor_conformance.written.modules import portable_imports
from fustor_conformance.written.sources import Seen, Sources, sources_of
from fustor_core.exceptions import ConfigError
from fustor_driver import installed
from fustor_driver.kinds import Profile
from fustor_driver.registry import due_groups

_IMPORT_DEADLINE_SEC = 30
_OLD_EVENT_MODELS = [profile.release for profile in Profile if profile.release]
_UNKNOWN = "kit_no_such_parameter"
_SECRET = "kit-s3cret"  # noqa: S105 - of a parameter that there is not
_TOO_OLD = [f"3.{minor}.99" for minor in range(11)]


@check("P01")
def both_groups(subject: Subject) -> int:
    """Same name, same class, in both groups."""
    entries = distribution_of(subject).entry_points
    values = {group: {e.name: e.value for e in entries.select(group=group)} for group in due_groups(subject.kind)}
    for group, found in values.items():
        if subject.name not in found:
            raise Broken(f"{subject.name!r} is not in the group {group!r}, which has {sorted(found) or 'nothing'}")
    if len({found[subject.name] for found in values.values()}) > 1:
        raise Broken(f"{subject.name!r} is not the same class in both groups", values)
    return len(values)


@check("P02")
def loads_alone(subject: Subject) -> int:
    """The import works where only the declared closure is installed."""
    result = _import_alone(subject)
    if result["error"]:
        raise Broken("The entry point does not load with its declared dependencies alone", result["error"])
    return 1


@check("P03")
def imports_declared(subject: Subject) -> int:
    """Every import belongs to a declared distribution."""
    dist = distribution_of(subject)
    declared = installed.declared_names(dist)
    with_extras = installed.declared_names(dist, with_extras=True)
    seen = 0
    for file in installed.package_files(subject.driver_class.__module__):
        allowed = with_extras if file in _world_files(subject) else declared
        for found in installed.imports_of(installed.parsed(file)):
            seen += 1
            _require_declared(file, found, allowed, subject)
    return seen


def _require_declared(file: Path, found: installed.Import, allowed: frozenset[str], subject: Subject) -> None:
    if installed.is_standard(found.top) or found.top == subject.driver_class.__module__.partition(".")[0]:
        return
    owners = installed.owners().get(found.top, frozenset())
    if not owners & allowed:
        provider = " or ".join(sorted(owners)) or "a distribution that is not installed"
        raise Broken(f"{file.name}:{found.line} imports {found.module!r} of {provider}, which is not declared")


@check("P04")
def coherent_family(subject: Subject) -> int:
    """Dependencies without an upper pin, and only names that every release has."""
    required = {str(canonicalize_name(req.name)): req for req in installed.requirements(distribution_of(subject))}
    for name in ("fustor-core", "fustor-event-model"):
        if name not in required:
            raise Broken(f"{name!r} is not among the dependencies", sorted(required))
    _require_unpinned(required["fustor-core"])
    model = required["fustor-event-model"]
    if not model.specifier.contains("1.0.0") or any(model.specifier.contains(old) for old in _OLD_EVENT_MODELS):
        raise Broken(f"{str(model)!r} does not mean version 1 and later")
    return 2 + require_unseen(subject, portable_imports)


def _require_unpinned(requirement: Requirement) -> None:
    upper = [str(part) for part in requirement.specifier if part.operator in ("<", "<=", "==", "===", "~=")]
    lacks = [old for old in _OLD_EVENT_MODELS if not requirement.specifier.contains(old)]
    if upper or lacks:
        raise Broken(f"{str(requirement)!r} keeps out releases that agents are installed with", upper or lacks)


@check("P05")
def quiet_import(subject: Subject) -> int:
    """The import does nothing but define."""
    result = _import_alone(subject)
    if result["seen"]:
        raise Broken("The import does more than define names", *result["seen"])
    if result["printed"]:
        raise Broken("The import prints", result["printed"])
    return 1


def _import_alone(subject: Subject) -> dict[str, Any]:
    dist = distribution_of(subject)
    reachable = installed.closure(dist)
    own = subject.driver_class.__module__.partition(".")[0]
    blocked = [top for top, owners in installed.owners().items() if not owners & reachable and top != own]
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch, "result.json")
        job = {
            "path": sys.path,
            "blocked": [top for top in blocked if not installed.is_standard(top)],
            "value": entry_value(subject, dist),
            "package": sorted({str(file.parent) for file in installed.package_files(own)}),
            "result": str(result),
        }
        done = subprocess.run(
            [sys.executable, "-I", "-B", isolated.__file__],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=_IMPORT_DEADLINE_SEC,
            check=False,
        )
        if not result.exists():
            raise Broken("The import ended the interpreter", done.stderr[-500:])
        return {**json.loads(result.read_text(encoding="utf-8")), "printed": done.stdout + done.stderr}


def entry_value(subject: Subject, dist: Distribution) -> str:
    """What hosts load under the driver's name."""
    return next(entry.value for entry in driver_entries(dist, subject.kind) if entry.name == subject.name)


def require_unseen(subject: Subject, rule: Callable[[Sources], Iterator[Seen]]) -> int:
    """How many modules were read for what the rule finds.

    Raises:
        Broken: there is some.
    """
    distribution_of(subject)
    sources = sources_of(subject)
    for seen in rule(sources):
        raise Broken(f"{seen.place}:{seen.line}: {seen.what}")
    return len(sources.modules)


def _world_files(subject: Subject) -> Iterable[Path]:
    """The World's module: it may import what an extra declares, as tests do."""
    module = sys.modules.get(getattr(subject.world_factory, "__module__", ""))
    return [Path(module.__file__)] if module is not None and module.__file__ else []


def distribution_of(subject: Subject) -> Distribution:
    """The distribution that the driver is of.

    Raises:
        NotJudged: there is none.
    """
    if subject.distribution is None:
        raise NotJudged("The class is not installed as a distribution")
    return subject.distribution


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
        with no_error(lambda err: f"With the JSON of its configuration the constructor raises {err!r}"):
            instance = subject.driver_class("kit", again)
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
    check_by(rule_id, looked_at, lambda subject: require_unseen(subject, rule))


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
