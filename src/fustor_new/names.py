"""One driver name, spelled mechanically everywhere it appears (driver contract, section 2)."""

import keyword
import re
import sys
from dataclasses import dataclass

from fustor_new.errors import NameRefused, UsageProblem
from fustor_new.kinds import ANY_KIND, Kind

__all__ = [
    "MAX_NAME_LENGTH",
    "Names",
    "check_class_name",
    "check_distribution",
    "check_entry_point",
    "check_name",
    "check_package",
    "derive",
    "normalize",
    "plain_name",
]

MAX_NAME_LENGTH = 40
_MAX_FREE_LENGTH = 100  # a wheel's file name holds the distribution and must fit a file system

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PACKAGE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENTRY_POINT = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9_]*")

_CONTRACT_DISTRIBUTIONS = frozenset(
    f"fustor-{part}" for part in ("agent", "conformance", "core", "driver", "event-model", "new")
) | {"fustor"}

_CONTRACT_CLASSES = frozenset({"ConfigError", "DriverError", "EventBase"}).union(*(kind.classes for kind in Kind))

_WINDOWS_DEVICES = frozenset({"aux", "con", "conin$", "conout$", "nul", "prn"}) | {
    f"{device}{number}" for device in ("com", "lpt") for number in range(10)
}
_STANDARD_LIBRARY = frozenset(module.lower() for module in sys.stdlib_module_names)


@dataclass(frozen=True)
class Names:
    """Every spelling of one driver's name."""

    kind: Kind
    name: str
    directory: str
    distribution: str
    package: str
    entry_point: str
    class_name: str


def derive(kind: str, name: str) -> Names:
    """Return the spellings that the contract gives to `name`; raises NameRefused for a name it does not allow."""
    if kind not in set(Kind):
        raise UsageProblem(f"{kind!r} is not a kind of driver; use {' or '.join(repr(one.value) for one in Kind)}")
    check_name(name)
    snake = name.replace("-", "_")
    class_name = "".join(word.capitalize() for word in name.split("-")) + "Driver"
    if class_name in _CONTRACT_CLASSES:
        raise NameRefused(f"Driver name {name!r} would hide the class {class_name!r}; did you mean {name + '-db'!r}?")
    return Names(
        kind=Kind(kind),
        name=name,
        directory=f"extensions/{kind}-{name}",
        distribution=f"fustor-{kind}-{name}",
        package=f"fustor_{kind}_{snake}",
        entry_point=snake,
        class_name=class_name,
    )


def plain_name(kind: str, name: str) -> str:
    """Return the driver name that is meant: `redis` by `fustor-source-redis`, `source_redis` or `Redis`.

    What is not a name in any spelling stays as it is. Raises NameRefused for the full name of the other kind.
    """
    found = re.fullmatch(rf"(?:fustor[-_.])?({ANY_KIND})[-_.](.+)", name, re.IGNORECASE)
    if found is None or name.lower() in set(Kind):
        return _spelled(name)
    kind_found, plain = found[1].lower(), _spelled(found[2])
    if kind_found != kind:
        raise NameRefused(
            f"{name!r} is the full name of a {kind_found}; run 'fustor-new {kind_found} {plain}' for that"
        )
    return plain


def normalize(name: str) -> str:
    """Return the one spelling that PEP 503 gives to all spellings of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_name(name: str) -> None:
    """Raise NameRefused, with the reason and a suggestion, unless `name` is a driver name of the contract."""
    if re.fullmatch(r"[^,\s]+(,\s*[^,\s]+)+,?", name):
        raise NameRefused(
            f"Driver name {name!r} has commas; write several names apart: {' '.join(re.split('[, ]+', name))}"
        )
    reason = _fault_of_name(name)
    if reason:
        raise NameRefused(f"Driver name {name!r} {reason}; {_did_you_mean(_suggest_name(name))}")


def check_distribution(name: str) -> None:
    """Raise NameRefused unless `name` can be the distribution of a standalone driver (PEP 508, and free)."""
    reason = _fault_of_free(
        name, _DISTRIBUTION, "letters, digits, '-', '_' and '.', with a letter or digit at both ends"
    )
    reason = reason or _fault_of_contract(name) or _reserved_as(normalize(name).replace("-", "_"))
    _refuse("Distribution", name, reason, f"fustor-{_slug(name)}")


def check_package(name: str) -> None:
    """Raise NameRefused unless `name` can be the import package of a standalone driver."""
    reason = _fault_of_free(name, _PACKAGE, "letters, digits and '_', with no digit first")
    reason = reason or _fault_of_contract(name) or _reserved_as(name)
    _refuse("Import package", name, reason, f"fustor_{_snake(name)}")


def check_entry_point(name: str) -> None:
    """Raise NameRefused unless `name` can be the entry point of a standalone driver."""
    reason = _fault_of_free(name, _ENTRY_POINT, "letters, digits, '_', '-' and '.', with no '-' or '.' at either end")
    _refuse("Entry point", name, reason or _reserved_as(name), f"{_snake(name) or 'my'}_driver")


def check_class_name(name: str) -> None:
    """Raise NameRefused unless `name` can be the class of a standalone driver."""
    reason = _fault_of_free(name, _CLASS, "letters, digits and '_', with an upper-case letter first")
    if not reason and name in _CONTRACT_CLASSES:
        reason = "would hide a class of the contract"
    stem = "".join(word.capitalize() for word in _snake(name).split("_")).removesuffix("Driver")
    _refuse("Class", name, reason or _reserved_as(name), f"{stem or 'My'}Driver")


def _spelled(name: str) -> str:
    """Return a name in the contract's spelling, if it is one but for its case and what joins its words."""
    is_to_spell = re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]*", name) and not _NAME.fullmatch(name)
    return _slug(name) if is_to_spell else name


def _fault_of_name(name: str) -> str:
    faults = (
        (not name, "is empty"),
        (re.search(r"[/\\]", name) or name in {".", ".."}, "is a path"),
        (not name.isascii(), "has characters outside ASCII"),
        (re.fullmatch(r"[A-Za-z0-9_-]+( +[A-Za-z0-9_-]+)+", name), "has a space in it"),
        (name != name.lower(), "has upper case"),
        (name[:1].isdigit(), "begins with a digit"),
        (name.startswith("-"), "begins with a dash"),
        (not _NAME.fullmatch(name), "is not made of lower-case letters, digits and single dashes"),
        (len(name) > MAX_NAME_LENGTH, f"has {len(name)} characters, more than {MAX_NAME_LENGTH}"),
    )
    return next((reason for found, reason in faults if found), "")


def _suggest_name(name: str) -> str:
    last_piece = [piece for piece in re.split(r"[/\\]", name) if piece.strip(".")][-1:]
    words = re.sub(rf"^(fustor-)?({ANY_KIND})-", "", _slug("".join(last_piece)))
    words = words.lstrip("0123456789-") or (f"db-{words}" if words else "")
    return words[:MAX_NAME_LENGTH].rstrip("-")


def _reserved_as(name: str) -> str:
    """Return what `name` already is ("is a Python keyword", ...), or "" when it is free."""
    plain = name.lower()
    if keyword.iskeyword(plain) or keyword.iskeyword(plain.capitalize()):
        return "is a Python keyword"
    if keyword.issoftkeyword(plain) or plain == "type":  # soft since 3.12, refused on every interpreter
        return "is a soft keyword of Python"
    if plain in _STANDARD_LIBRARY:
        return "is a module of the standard library"
    if plain.partition(".")[0] in _WINDOWS_DEVICES:
        return "is a device name on Windows"
    return ""


def _slug(text: str) -> str:
    """Return the ASCII letters and digits of `text` in lower case, with one dash for whatever stands between them."""
    from unicodedata import normalize as decompose  # noqa: PLC0415 - a big table, needed only for a suggestion

    plain = decompose("NFKD", text).encode("ascii", "ignore").decode("ascii")
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "-", plain)
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def _snake(name: str) -> str:
    return _slug(name).lstrip("0123456789-").replace("-", "_")


def _did_you_mean(suggestion: str) -> str:
    return f"did you mean {suggestion!r}?" if suggestion else "choose one like 'redis' or 'my-db'"


def _fault_of_free(name: str, form: re.Pattern[str], described: str) -> str:
    if not name:
        return "is empty"
    if len(name) > _MAX_FREE_LENGTH:
        return f"has {len(name)} characters, more than {_MAX_FREE_LENGTH}"
    return "" if form.fullmatch(name) else f"is not made of {described}"


def _fault_of_contract(name: str) -> str:
    return f"would hide the contract's own {normalize(name)!r}" if normalize(name) in _CONTRACT_DISTRIBUTIONS else ""


def _refuse(what: str, name: str, reason: str, suggestion: str) -> None:
    if reason:
        clean = suggestion.strip("-_")[:_MAX_FREE_LENGTH]
        again = normalize(clean) in _CONTRACT_DISTRIBUTIONS or clean in _CONTRACT_CLASSES | {"fustor", name}
        raise NameRefused(f"{what} {name!r} {reason}; {_did_you_mean('' if again else clean)}")
