"""Names that mean something else already: to Python, to Windows, to the contract."""

import keyword
import sys

from fustor_new.kinds import Kind

__all__ = ["CONTRACT_CLASSES", "CONTRACT_DISTRIBUTIONS", "reserved_as"]

CONTRACT_DISTRIBUTIONS = frozenset(
    f"fustor-{part}" for part in ("agent", "conformance", "core", "driver", "event-model", "new")
) | {"fustor"}

CONTRACT_CLASSES = frozenset({"ConfigError", "DriverError", "EventBase"}).union(*(kind.classes for kind in Kind))

_WINDOWS_DEVICES = frozenset({"aux", "con", "conin$", "conout$", "nul", "prn"}) | {
    f"{device}{number}" for device in ("com", "lpt") for number in range(10)
}
_STANDARD_LIBRARY = frozenset(module.lower() for module in sys.stdlib_module_names)


def reserved_as(name: str) -> str:
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
