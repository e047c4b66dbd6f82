"""The transcript of an agent in a form in which two runs can be compared: what came when by chance is left out."""

import json
from itertools import groupby

_TELLING = {
    "source_type",
    "is_end",
    "is_snapshot_end",
    "metadata",
    "start_position",
    "batch_size",
    "session_id",
    "recursive",
    "source_uri",
    "session_timeout_seconds",
    "task_id",
    "mtime_cache",
}
"""Keywords of which the value is compared too; of others it is the name."""


def read(address):
    """The calls so far."""
    if not address.exists():
        return []
    with address.open("rb") as file:
        return [json.loads(line) for line in file if line.endswith(b"\n")]


def count(calls, method, **kwargs):
    """How often a method was called with such keywords."""
    return sum(call["method"] == method and kwargs.items() <= call["kwargs"].items() for call in calls)


def up_to(calls, method, times):
    """The calls before the one that is the n-th of a method."""
    found = [place for place, call in enumerate(calls) if call["method"] == method]
    return calls[: found[times - 1]] if len(found) >= times else calls


def pauses_before_realtime(calls):
    """For each session of agent 0.8 with realtime: how many seconds it was old when the first batch was sent."""
    began, pauses = None, []
    for call in calls:
        if call["method"] == "create_session":
            began = call["at"]
        elif call["method"] == "send_events" and call["kwargs"].get("source_type") == "message" and began:
            pauses.append(call["at"] - began)
            began = None
    return pauses


def lanes(calls):
    """For each strand of a run what was called in it, in order.

    The life of the host is whole, but that repetitions of one call count as one; of what comes again and again by the
    clock, each call counts when it comes first.
    """
    roles = _roles(calls)
    strands = {}
    for call in calls:
        role = roles[call["thread"]]
        strands.setdefault(_strand(call, role), []).append((role, *_shape(call)))
    life = [shape for shape, _ in groupby(strands.get("life", ()))]
    return {name: list(dict.fromkeys(shapes)) for name, shapes in strands.items()} | {"life": life}


def _strand(call, role):
    """Heartbeats, checks and scans come when their time has come, and so do realtime batches: each has a strand."""
    if role != "loop":
        return role
    name = call["method"]
    if name in ("heartbeat", "(is_transient)", "scan_path"):
        return name
    if "sentinel" in name:
        return "sentinel"
    if name in ("send_events", "push"):
        return f"sends of {call['kwargs'].get('source_type', 'realtime')}"
    if "audit" in name:
        return "sends of audit" if call["who"] != "source" else "audits"
    return "life"


def _shape(call):
    kwargs = {name: value if name in _TELLING else "..." for name, value in call["kwargs"].items()}
    kwargs |= {"events": bool(call["kwargs"]["events"])} if "events" in kwargs else {}
    args = [value.rpartition(":")[2] if isinstance(value, str) else "..." for value in call["args"]]
    return call["who"], call["method"], tuple(args), tuple(sorted((name, str(told)) for name, told in kwargs.items()))


def _roles(calls):
    """Each thread as what it is for: the loop's, the stream's, or one of a phase."""
    roles = {}
    for call in calls:
        if call["method"] in ("__init__", "create_session"):
            roles[call["thread"]] = "loop"
        elif call["method"] in ("is_position_available", "get_message_iterator", "stream begins"):
            roles.setdefault(call["thread"], "stream")
    for call in calls:
        roles.setdefault(call["thread"], "phase")
    return roles
