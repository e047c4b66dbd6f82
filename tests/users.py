"""Users whom tests are not run by: one that rights bind, and one that has no home directory."""

import os
import pwd

import pytest

BOUND_BY_RIGHTS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""Before a command: root itself may read everything; without these two rights it may read what anyone may."""


def lose_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a user whom its image does not know."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
