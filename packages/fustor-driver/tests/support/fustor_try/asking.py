"""A source whose wizard asks for every kind of answer, and that has users."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fustor_core.exceptions import ConfigError
from fustor_core.models.config import SourceConfig
from fustor_try.log_source import LogDriver

_TEXT = {"type": "string"}


class AskingParams(BaseModel):
    """What the wizard asks for, and one field that it does not."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    tables: list[str] = Field(default=["*"], description="Patterns of tables")
    mode: Literal["slow", "fast"] = Field(default="slow", description="How it is read")
    deep: bool = Field(default=False, description="Whether all is read")
    count: int = Field(default=3, gt=0, description="How many at once")
    floors: int = Field(description="A number without a default")
    quiet_sec: float = Field(default=1.5, description="Nobody asks for it")


class AskingDriver(LogDriver):
    """A log that only its user may read: the users stand in a file beside it."""

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config.model_copy(update={"driver_params": {}}))
        if config.uri.startswith("ftp:"):
            raise ConfigError("An ftp address is not a log; give a path")
        if config.uri.startswith("bug:"):
            raise LookupError("this driver has a bug")

    @classmethod
    async def get_wizard_steps(cls) -> dict[str, Any]:
        fields = AskingParams.model_json_schema()["properties"]
        credential = {"user": _TEXT | {"title": "User"}, "passwd": _TEXT | {"format": "password", "title": "password"}}
        where = {"uri": _TEXT | {"title": "Log"}, "credential": {"type": "object", "properties": credential}}
        what = {name: fields[name] for name in ("tables", "mode", "deep", "count")}
        return {
            "steps": [
                _step("where", {"type": "object", "properties": where, "required": ["uri"]}, "test_connection"),
                _step("what", {"properties": {"driver_params": {"type": "object", "properties": what}}}),
            ]
        }

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        users = _users(kwargs)
        credential = kwargs["credential"]
        if users.is_file() and users.read_text() == _allowed(kwargs):
            return True, "The user may read"
        return False, f"The user {credential.user!r} may not read with {credential.passwd!r}"

    @classmethod
    async def create_agent_user(cls, **kwargs: Any) -> tuple[bool, str]:
        credential, admin = kwargs["credential"], kwargs.get("admin_creds")
        if kwargs.get("dry_run"):
            return True, f"CREATE USER {credential.user};\nLET {credential.user} READ;"
        if admin != {"user": "boss", "passwd": "b0ss"}:
            return False, f"{admin} may create nobody"
        _users(kwargs).write_text(_allowed(kwargs))
        return True, f"User {credential.user!r} is there"


def _step(name: str, schema: dict[str, Any], *validations: str) -> dict[str, Any]:
    return {"step_id": name, "title": f"The step {name}", "schema": schema, "validations": list(validations)}


def _allowed(kwargs: dict[str, Any]) -> str:
    credential = kwargs["credential"]
    return f"{credential.user} {credential.passwd} {sorted(kwargs['driver_params'].items())}"


def _users(kwargs: dict[str, Any]) -> Path:
    return Path(f"{kwargs['uri']}.users")
