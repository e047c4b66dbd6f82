"""Which distribution a module comes from: as installed here, else by a table of well-known ones, else by its name."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import packages_distributions

from fustor_new.names import normalize

__all__ = ["Requirements"]

_MODULES_OF: Mapping[str, tuple[str, ...]] = {
    "attrs": ("attr", "attrs"),
    "beautifulsoup4": ("bs4",),
    "grpcio": ("grpc",),
    "msgpack-python": ("msgpack",),
    "mysql-connector-python": ("mysql",),
    "mysql-replication": ("pymysqlreplication",),
    "opensearch-py": ("opensearchpy",),
    "paho-mqtt": ("paho",),
    "pillow": ("PIL",),
    "protobuf": ("google",),
    "psycopg-binary": ("psycopg_binary",),
    "psycopg2-binary": ("psycopg2",),
    "pyserial": ("serial",),
    "python-dateutil": ("dateutil",),
    "python-dotenv": ("dotenv",),
    "pyyaml": ("yaml",),
    "pyzmq": ("zmq",),
    "scikit-learn": ("sklearn",),
    "typing-extensions": ("typing_extensions",),
}


class Requirements:
    """What a set of requirements provides, by distribution."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {normalize(name) for name in names if name}

    def provides(self, module: str) -> bool:
        """Tell whether the top-level `module` comes from one of them."""
        return any(_is_from(module, name) for name in self._names)

    def unused(self, modules: set[str]) -> set[str]:
        """Return those of which none of the top-level `modules` comes."""
        return {name for name in self._names if not any(_is_from(module, name) for module in modules)}

    def obscure(self) -> set[str]:
        """Return those of which nobody here can tell what modules they hold."""
        return {name for name in self._names if name not in _MODULES_OF and name not in _installed_by_distribution()}


_installed = cache(packages_distributions)


def _is_from(module: str, distribution: str) -> bool:
    if normalize(module) == distribution or module in _MODULES_OF.get(distribution, ()):
        return True
    return distribution in {normalize(name) for name in _installed().get(module, ())}


@cache
def _installed_by_distribution() -> frozenset[str]:
    return frozenset(normalize(name) for names in _installed().values() for name in names)
