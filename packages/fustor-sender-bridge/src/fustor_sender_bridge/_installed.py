"""Pushers that are installed, by the name of their entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from fustor_sender_bridge._core import ConfigError, PusherDriver

__all__ = ["GROUP", "load_pusher"]

GROUP = "fustor.drivers.pushers"


def load_pusher(name: str) -> type[PusherDriver]:
    """The class of the pusher that an installed distribution registers under this name.

    Raises:
        ConfigError: none does, several do, or it cannot be imported.
    """
    installed = entry_points(group=GROUP)
    found = {point.value: point for point in installed if point.name == name}
    if not found:
        names = ", ".join(sorted({point.name for point in installed})) or "none"
        raise ConfigError(f"No pusher {name!r} is installed (there are: {names}); install it or correct `pusher`")
    if len(found) > 1:
        places = ", ".join(sorted(map(_shown, found.values())))
        raise ConfigError(f"Several pushers are called {name!r} ({places}); uninstall all but one")
    (point,) = found.values()
    try:
        return point.load()  # type: ignore[no-any-return] # what the group promises
    except (ImportError, AttributeError) as err:
        raise ConfigError(f"The pusher {name!r} ({_shown(point)}) cannot be imported: {err}; reinstall it") from err


def _shown(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
