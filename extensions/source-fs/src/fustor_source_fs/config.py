"""What a user writes about the tree, parsed once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pathspec import GitIgnoreSpec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from fustor_core.exceptions import ConfigError
from fustor_source_fs._upstream import understood

__all__ = ["FsParams", "parse_params", "parse_uri"]


class FsParams(BaseModel):
    """The `driver_params` of a file-system source."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    include: tuple[str, ...] = Field(
        default=(), description="Patterns in gitignore syntax; where there are any, only files that match are rows"
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Patterns in gitignore syntax; what matches is not part of the source"
    )
    one_file_system: bool = Field(default=True, description="Do not enter what is mounted below the root")
    follow_symlinks: bool = Field(default=False, description="Follow links whose target lies below the root")
    allow_empty_root: bool = Field(
        default=False,
        description="Take a root in which nothing is for the truth, and let everything be deleted downstream",
    )
    batch_size: int = Field(default=1000, gt=0, description="Largest number of rows in one event")
    settle_sec: float = Field(
        default=0.5, ge=0, description="How long a new file may stay open before it is reported all the same"
    )
    open_file_interval_sec: float = Field(
        default=2.0, gt=0, description="How often a file that is being written and stays open is reported"
    )
    poll_interval_sec: float = Field(
        default=10.0, gt=0, description="How often directories are listed for which the kernel refused a watch"
    )
    on_watch_limit: Literal["poll", "fail"] = Field(
        default="poll", description="What to do about directories beyond the limit on watches"
    )
    queue_bytes: int = Field(
        default=64 << 20, ge=1 << 16, description="Kernel events held for a slow host before the tree is compared anew"
    )
    clock_granularity_sec: float = Field(
        default=2.0, ge=0, description="Directories that changed more recently are listed again in the next audit"
    )
    full_audit_every: int = Field(
        default=24, ge=0, description="Every N-th audit lists unchanged directories too; 0 for never"
    )

    @field_validator("include", "exclude")
    @classmethod
    def _patterns_are_valid(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        GitIgnoreSpec.from_lines(patterns)
        return patterns


def parse_params(params: Any) -> FsParams:
    """The parameters as a model; those of the agents' own `fs` driver are understood where they mean something here.

    Raises:
        ConfigError: names each parameter that is unknown or out of range.
    """
    try:
        return FsParams.model_validate(understood(params) if isinstance(params, Mapping) else params or {})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(f"The driver_params of a file-system source are not valid: {faults}") from error


def parse_uri(uri: str) -> str:
    """The absolute path of the root that `uri` names: `file:///data`, or a plain `/data`.

    Raises:
        ConfigError: another scheme or host, or a relative path.
    """
    path = uri
    if not uri.startswith("/"):
        parts = urlsplit(uri)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise ConfigError(f"{uri!r} names no local directory; write an absolute path or file:///path")
        path = unquote(parts.path, errors="surrogateescape")
    if not path.startswith("/") or "\0" in path or ".." in PurePosixPath(path).parts:
        raise ConfigError(f"{uri!r} is not an absolute path without '..'; write it in full")
    return str(PurePosixPath(path))
