"""Configuration of one source or pusher, in the shape of the released agents' files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias
from urllib.parse import unquote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["ApiKeyCredential", "Credential", "PasswdCredential", "PusherConfig", "SourceConfig"]

# a value ends at the next parameter: of a uri behind `&`, of `host=... password=...` behind a space
_SECRET_IN_URI = re.compile(
    r"(?P<user>://[^:@]*:).*(?=@)"
    r"|(?P<name>[\w%+.-]+)\s*=\s*(?P<value>'(?:[^'\\]|\\.)*'|[^&]*?(?=\s[\w%+.-]+\s*=|&|$))",
    re.DOTALL,
)
_SECRET_NAME = re.compile("pass|pwd|secret|token|key", re.IGNORECASE)


class _Frozen(BaseModel):
    """Parsed once, never changed; a mistake in it never prints what was typed, since that may be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PasswdCredential(_Frozen):
    """A user and, where there is one, the password. Shown without the password."""

    user: str = Field(description="Who signs in")
    passwd: str | None = Field(default=None, repr=False, description="The password, where there is one")


class ApiKeyCredential(_Frozen):
    """A key and, where there is one, its user. Shown without the key."""

    user: str | None = Field(default=None, description="Whose key it is, where that matters")
    key: str = Field(repr=False, description="The key")


Credential: TypeAlias = ApiKeyCredential | PasswdCredential
_DriverParams: TypeAlias = Annotated[dict[str, Any], BeforeValidator(lambda value: {} if value is None else value)]


class _DriverConfig(_Frozen):
    """What sources and pushers share. `model_dump(mode="json")` is complete: a driver can be rebuilt from it."""

    driver: str = Field(description="Entry-point name of the driver")
    credential: Credential | None = Field(default=None, description="A user with a password, or a key")
    max_retries: int = Field(default=10, gt=0, description="Attempts before a transient fault becomes a DriverError")
    retry_delay_sec: float = Field(
        default=5, gt=0, le=86_400, allow_inf_nan=False, description="Seconds between two attempts"
    )
    disabled: bool = Field(default=True, description="Known, and not run")
    driver_params: _DriverParams = Field(default_factory=dict, repr=False, description="The driver's own parameters")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _SECRET_IN_URI.sub(_hidden, value) if isinstance(value, str) else value


def _hidden(match: re.Match[str]) -> str:
    if match["user"] is not None:
        return f"{match['user']}***"
    return f"{match['name']}=***" if _SECRET_NAME.search(unquote(match["name"])) else match[0]


class SourceConfig(_DriverConfig):
    """Where a source driver reads, and how."""

    uri: str = Field(description="Address of what is read; its form is the driver's")
    max_queue_size: int = Field(default=1000, gt=0, description="Events that a host holds before it waits")


class PusherConfig(_DriverConfig):
    """Where a pusher driver writes, and how."""

    endpoint: str = Field(description="Address of the destination; its form is the driver's")
    batch_size: int = Field(default=100, gt=0, description="Largest number of rows in one event")
