"""What `driver_params` and `endpoint` may say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fustor_core.exceptions import ConfigError

__all__ = ["FsParams"]


class FsParams(BaseModel):
    """The parameters of this driver, parsed once from `driver_params`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    segment_max_bytes: int = Field(
        default=64 * 1024 * 1024, gt=0, description="A new file is begun when this one has reached so many bytes"
    )
    segment_max_age_sec: float | None = Field(
        default=86_400, gt=0, description="A new file is begun when this one is so old; null: never"
    )
    retain_age_sec: float | None = Field(
        default=None, gt=0, description="Full files last written longer ago than this are removed; null: kept"
    )
    retain_bytes: int | None = Field(
        default=None, gt=0, description="The oldest full files are removed while a task takes more bytes; null: kept"
    )
    file_mode: str = Field(
        default="0600",
        pattern=r"^0?6[046][046]$",
        description="Permissions of new files, octal; directories get the matching right to search",
    )
    max_delete_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of a task's rows beyond which the end of a snapshot or an audit is kept from readers",
    )
    max_delete_rows: int = Field(
        default=100, ge=0, description="Number of rows up to which such an end may delete, whatever their share"
    )
    heartbeat_interval_sec: int = Field(default=10, gt=0, description="Heartbeat interval suggested to the host")

    @property
    def file_permissions(self) -> int:
        """Mode bits of a new file."""
        return int(self.file_mode, 8)

    @property
    def directory_permissions(self) -> int:
        """Mode bits of a new directory: who may read may also search."""
        return self.file_permissions | (self.file_permissions & 0o444) >> 2


def parse_params(driver_params: Mapping[str, Any] | None) -> FsParams:
    """The parameters, with defaults for what is not given; agent 0.2.16 passes None where there are none."""
    try:
        return FsParams.model_validate(dict(driver_params or {}))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))!r}: {one['msg']}" for one in error.errors())
        raise ConfigError(f"The driver_params of pusher-fs are wrong: {problems}; correct them") from error


def parse_endpoint(endpoint: str) -> Path:
    """The absolute path of the directory that an endpoint names: a path, or a `file://` address of this machine."""
    text = endpoint
    if endpoint.startswith("file:"):
        address = urlsplit(endpoint)
        if address.netloc not in {"", "localhost"} or address.query or address.fragment:
            raise ConfigError(
                f"Endpoint {endpoint!r} is not a directory of this machine; write 'file:///path' or a path"
            )
        text = unquote(address.path)
    elif "://" in endpoint:
        raise ConfigError(f"Endpoint {endpoint!r} is not a directory; write a path or 'file:///path'")
    if not text.strip() or "\0" in text:
        raise ConfigError(f"Endpoint {endpoint!r} names no directory; write the path of one")
    try:
        os.fsencode(text)
        return Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - resolve() follows links, we refuse them
    except (UnicodeEncodeError, RuntimeError) as error:  # no such text in file names; no such home directory
        raise ConfigError(f"Endpoint {endpoint!r} names no directory: {error}; write the path of one") from error
