"""What `driver_params` of the sender may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fustor_sender_bridge._core import ConfigError, PusherConfig

__all__ = ["BridgeParams", "parse_params", "pusher_config"]

_OF_THE_AGENT = frozenset({"batch_size", "timeout_sec", "api_version"})
"""What agent 0.8 adds to `driver_params` before a sender sees them."""


class BridgeParams(BaseModel):
    """The parameters of the bridge, parsed once from `driver_params`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    pusher: str = Field(min_length=1, description="Entry-point name of the pusher")
    params: dict[str, Any] = Field(default_factory=dict, repr=False, description="The pusher's own driver_params")
    max_retries: int = Field(default=30, gt=0, description="Attempts before a snapshot or an audit breaks off")
    retry_delay_sec: float = Field(
        default=1,
        gt=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds before the second attempt, doubled up to 30",
    )
    audit_interval_sec: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="In place of the pipe's own; 0: no audits"
    )
    allow_deletions: bool = Field(
        default=False, description="Leave for what the pusher's guard against mass deletion refuses"
    )


def parse_params(given: Mapping[str, Any] | None) -> BridgeParams:
    """The parameters as a model.

    Raises:
        ConfigError: names every parameter that cannot be used, and never its value.
    """
    own = {name: value for name, value in (given or {}).items() if name not in _OF_THE_AGENT}
    try:
        return BridgeParams.model_validate(own)
    except ValidationError as err:
        raise _refusal("driver_params", err) from err


def pusher_config(
    params: BridgeParams, endpoint: str, credential: Mapping[str, Any] | None, batch_size: int
) -> PusherConfig:
    """The configuration that the pusher sees.

    Raises:
        ConfigError: the credential is neither a key nor a user with a password.
    """
    entry = {
        "driver": params.pusher,
        "endpoint": endpoint,
        "credential": dict(credential) if credential else None,
        "batch_size": batch_size,
        "max_retries": params.max_retries,
        "retry_delay_sec": params.retry_delay_sec,
        "disabled": False,
        "driver_params": params.params,
    }
    try:
        return PusherConfig.model_validate(entry)
    except ValidationError as err:
        raise _refusal("entry", err) from err


def _refusal(what: str, err: ValidationError) -> ConfigError:
    details = err.errors(include_input=False, include_url=False, include_context=False)
    faults = "; ".join(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in details)
    return ConfigError(f"Cannot use the {what} of the sender 'pusher' ({faults}); correct it")
