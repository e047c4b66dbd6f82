"""The checks, each module with the rules that it judges beside it; importing a module registers its checks."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from fustor_conformance.rules import Check, Kind, registered

__all__ = ["find_check"]


def find_check(rule_id: str, kind: Kind) -> Check | None:
    """The function that judges `rule_id` for drivers of `kind`, if there is one."""
    _load()
    return registered(rule_id, kind)


@cache
def _load() -> None:
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
