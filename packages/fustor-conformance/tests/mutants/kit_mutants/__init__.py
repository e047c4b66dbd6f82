"""Drivers that each break one rule: the reference source or pusher with one method changed."""

from importlib import import_module
from pkgutil import iter_modules

from kit_mutants import registry

__all__ = ["MUTANTS"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

MUTANTS = sorted(registry.MUTANTS, key=str)
