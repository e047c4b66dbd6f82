"""Pushers as senders: what agent 0.8 needs to run one, and how its entry in a configuration reads."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from fustor_conformance.outcome import NotJudged
from fustor_conformance.subject import PusherSubject

__all__ = ["as_sender", "bridge", "sender_class"]

_BRIDGE = "fustor-sender-bridge"
_SENDERS, _NAME = "fustor_agent.drivers.senders", "pusher"
_OF_A_SENDER = ("endpoint", "credential")
_ATTEMPTS = {"max_retries": 3, "retry_delay_sec": 0.2}
"""A destination of a check is there; what fails for good is not waited for."""


def bridge() -> Distribution:
    """The distribution through which agent 0.8 runs pushers.

    Raises:
        NotJudged: it is not installed.
    """
    try:
        return distribution(_BRIDGE)
    except PackageNotFoundError as err:
        raise NotJudged(f"Agent 0.8 runs pushers through {_BRIDGE}, which is not installed; install it") from err


def sender_class(subject: PusherSubject) -> type[Any]:
    """The bridge's sender, found as the agent finds it, which runs the class under test by any name.

    Raises:
        NotJudged: it is not installed.
    """
    entries = bridge().entry_points.select(group=_SENDERS, name=_NAME)
    loaded = next(iter(entries)).load()
    return type(loaded.__name__, (loaded,), {"pusher_class": staticmethod(lambda _: subject.driver_class)})


def as_sender(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A pusher's entry as that of the sender, which takes its name and its parameters."""
    params = {"pusher": entry["driver"], "params": entry.get("driver_params", {}), **_ATTEMPTS}
    return {"driver": _NAME, **{name: entry[name] for name in _OF_A_SENDER if name in entry}, "driver_params": params}
