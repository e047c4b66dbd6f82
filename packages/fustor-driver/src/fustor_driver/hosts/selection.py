"""Which rows a source selects, as the task's last complete snapshot knew it: the host's other durable note."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from enum import Enum, auto
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_json

from fustor_core.drivers import SourceDriver
from fustor_driver.durable import drafted, sync_directory
from fustor_driver.errors import system_allows
from fustor_driver.hosts.calls import connection_of
from fustor_driver.redaction import safe_logger, without_secrets
from fustor_driver.supervision import in_thread

__all__ = ["Change", "Selection", "SelectionNote"]

_log = safe_logger("fustor_driver.host")
_ANSWERS_WITHIN_SEC = 10.0


class Change(Enum):
    """What has become of the selection since it was noted."""

    NONE = auto()
    UNKNOWN = auto()
    """Nothing was noted, or the source does not say."""
    SURE = auto()


class SelectionNote(BaseModel):
    """Digests, since a configuration may hold secrets. `offered` is None where the source did not answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    salt: str
    configured: str
    offered: str | None
    is_exact: bool

    @classmethod
    async def look(cls, source: SourceDriver, before: SelectionNote | None) -> Self:
        """What a source selects now, by its configuration and by its own word; comparable to what was noted before."""
        salt = before.salt if before else secrets.token_hex(16)
        config, answer = source.config, await _answer_of(source)
        exact = answer.get("selection") if isinstance(answer, dict) else None
        offered = answer.get("properties", {}) if isinstance(answer, dict) and exact is None else exact
        place = [config.driver, without_secrets(config.uri)]
        return cls(
            salt=salt,
            configured=_digest(salt, [*place, without_secrets(config.driver_params)]),
            offered=None if offered is None else _digest(salt, [*place, offered]),
            is_exact=exact is not None,
        )

    def change_to(self, now: Self) -> Change:
        """How another look with the same salt differs."""
        if self.offered is None or now.offered is None or self.is_exact != now.is_exact:
            return Change.UNKNOWN if self.configured == now.configured else Change.SURE
        is_same = self.offered == now.offered and (now.is_exact or self.configured == now.configured)
        return Change.NONE if is_same else Change.SURE


class Selection:
    """A file that says what was selected when the task's last complete snapshot, or audit, began.

    A source names its own selection under `selection` in the answer of `get_available_fields`, such as the names of
    tables; for any other, address, `driver_params` and fields stand for it.
    """

    def __init__(self, path: Path, source: SourceDriver) -> None:
        self._path = path
        self._source = source
        self._now: SelectionNote | None = None
        self._is_noted = False

    async def look(self) -> Change:
        """How what the source selects now differs from what was noted; `note` will note what this has seen."""
        before = self._read()
        self._now = await SelectionNote.look(self._source, before)
        return Change.UNKNOWN if before is None else before.change_to(self._now)

    def note(self) -> None:
        """Everything that was selected at the last look is pushed; on the disk when this returns.

        Raises:
            EnvironmentProblem: it cannot be noted.
        """
        if self._now is None or self._is_noted:
            return
        with system_allows(f"Cannot note in {str(self._path)!r} what was read", "mend it"):
            with drafted(self._path, self._now.model_dump_json().encode(), is_locked=True) as draft:
                draft.replace(self._path)
            sync_directory(self._path.parent)
            self._is_noted = True

    def _read(self) -> SelectionNote | None:
        try:
            return SelectionNote.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):  # not there, or not ours: nothing is known then
            return None


async def _answer_of(source: SourceDriver) -> Any:
    async def ask() -> Any:
        return await source.get_available_fields(**connection_of(source.config))

    try:
        async with asyncio.timeout(_ANSWERS_WITHIN_SEC):
            return await in_thread(lambda: asyncio.run(ask()), "fustor-fields")
    except Exception as err:  # noqa: BLE001 - a question that is not answered must not end what works without it
        _log.debug("The source %r does not say what it selects: %r", source.id, err)
        return None


def _digest(salt: str, value: Any) -> str:
    return hashlib.sha256(salt.encode() + to_json(_ordered(value), fallback=repr)).hexdigest()


def _ordered(value: Any) -> Any:
    """The same with the keys of every mapping in order."""
    if isinstance(value, dict):
        return [[str(key), _ordered(value[key])] for key in sorted(value, key=str)]
    return [_ordered(item) for item in value] if isinstance(value, list | tuple) else value
