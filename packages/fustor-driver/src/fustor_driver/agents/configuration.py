"""What a released agent reads: the same source and pusher, in its own file."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.configuration import Pair

__all__ = ["Roles", "write"]

_RECEIVER = "fustor_receiver"
_AGENT_ID = "fustor-driver"
_BRIDGE = "pusher"
_DEFAULT_AUDIT_SEC = 600.0
_COMMON = {"credential", "max_retries", "retry_delay_sec", "batch_size"}


@dataclass(frozen=True)
class Roles:
    """Who takes part: a source, and the pusher that gets what it emits, if there is one."""

    pair: Pair
    has_pusher: bool
    audit_interval_sec: float | None = None

    @property
    def target_id(self) -> str:
        """The pusher's identifier, or that of what stands in its place."""
        return self.pair.pusher_id if self.has_pusher else "receiver"

    @property
    def source(self) -> dict[str, Any]:
        """The source's entry."""
        return {"credential": {"user": "local"}, **_told(self.pair.source), "disabled": False}

    def target(self, file: Path) -> dict[str, Any]:
        """The pusher's entry, behind what notes in `file` that something arrives."""
        config = self.pair.pusher
        own = {"driver": config.driver if self.has_pusher else "", "file": str(file)}
        return {
            "credential": {"key": "local"},
            **(_told(config, _COMMON) if self.has_pusher else {}),
            "driver": _RECEIVER,
            "endpoint": config.endpoint,
            "driver_params": {**config.driver_params, _RECEIVER: own},
            "disabled": False,
        }


def write(roles: Roles, home: Path, file: Path, *, is_old: bool) -> None:
    """Write the configuration below the agent's home, for agent 0.2 or 0.8: JSON, which is YAML as well.

    The agent has the same name in every run, and so has the task: what a pusher has committed is there for the next.
    """
    source_id, target = roles.pair.source_id, roles.target(file)
    task = f"{source_id}-{roles.target_id}"
    if is_old:
        place = home / "agent-config.yaml"
        sync = {"source": source_id, "pusher": roles.target_id, "disabled": False}
        rest = {"pushers": {roles.target_id: target}, "syncs": {task: sync}}
    else:
        place = home / "agent-config" / "default.yaml"
        audits = roles.audit_interval_sec if roles.audit_interval_sec is not None else _DEFAULT_AUDIT_SEC
        joined = {"source": source_id, "sender": roles.target_id}
        pipe = {**joined, "audit_interval_sec": audits, "sentinel_interval_sec": 0}
        rest = {"senders": {roles.target_id: _through_bridge(target)}, "pipes": {task: pipe}}
    place.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"sources": {source_id: roles.source}, **rest}, ensure_ascii=False)
    place.touch(mode=0o600)  # what stood in variables stands in it
    place.write_text(text, encoding="utf-8")
    (home / "agent.id").write_text(_AGENT_ID, encoding="utf-8")


def _through_bridge(target: dict[str, Any]) -> dict[str, Any]:
    """A pusher's entry as that of a sender: the bridge takes its name and its parameters."""
    params = dict(target["driver_params"])
    own = params.pop(_RECEIVER)
    sender = {name: value for name, value in target.items() if name != "endpoint"} | {"uri": target["endpoint"]}
    if not own["driver"]:
        return sender
    behind = {"pusher": own["driver"], "params": params, _RECEIVER: own | {"driver": _BRIDGE}}
    return sender | {"driver_params": behind}


def _told(config: SourceConfig | PusherConfig, only: set[str] | None = None) -> dict[str, Any]:
    """What a file or the command line says of an entry; the agents have defaults of their own for the rest.

    They take whole seconds alone.
    """
    told = config.model_dump(mode="json", exclude_unset=True, exclude_none=True, include=only)
    if "retry_delay_sec" in told:
        told["retry_delay_sec"] = math.ceil(told["retry_delay_sec"])
    return told
