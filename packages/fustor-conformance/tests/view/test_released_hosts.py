"""The released view's rules against the release itself, step by step, in an environment of its own."""

import json
import os
import subprocess
from pathlib import Path
from random import Random

import pytest

from fustor_conformance.view.released import ReleasedView
from fustor_event_model import EventBase

PLAYER = Path(__file__).with_name("released_player.py")
HISTORIES = 1_000
CALLS = {
    "on_session_start": lambda view: view.begin_session("s", -1),
    "handle_audit_end": ReleasedView.audit_end,
    "handle_audit_start": ReleasedView.audit_start,
    "expire": ReleasedView.expire_suspects,
}


def make_history(seed):
    random, now = Random(seed), 1000.0
    history = []
    for _ in range(random.randrange(5, 60)):
        now += random.choice([0.0, 0.001, 1.0, 10.0, 40.0]) if random.random() < 0.95 else 4000.0
        do = random.choices([*CALLS, "event"], [6, 8, 3, 5, 78])[0]
        history.append({"now": now, "do": do, "event": make_event(random, now) if do == "event" else None})
    return history


def make_event(random, now):
    source = random.choice(["realtime", "realtime", "snapshot", "audit", "audit"])
    rows = [make_row(random, now, source) for _ in range(random.choice([0, 1, 1, 2, 3]))]
    return {
        "event_type": "delete" if random.random() < 0.2 else "update",
        "fields": ["path", "mtime", "size", "parent_mtime"],
        "rows": rows,
        "event_schema": "fs",
        "table": "",
        "message_source": source,
    }


def make_row(random, now, source):
    is_directory = random.random() < 0.5
    above = "".join("/" + random.choice("ab") for _ in range(random.randrange(3)))
    path = (above or "/") if is_directory else above + "/" + random.choice("fg")
    mtime = round(now - random.choice([0, 0, 1, 2, 20, 35, 100, -5]), 3)
    row = {"path": path, "size": random.randrange(9), "mtime": mtime, "is_directory": is_directory}
    if random.random() < 0.97:
        row |= {"modified_time": mtime} | ({"is_atomic_write": False} if random.random() < 0.2 else {})
    if source == "audit":
        parent = path.rpartition("/")[0] or "/"
        row["parent_path"] = parent if random.random() < 0.9 else "/mnt" + parent
        row["parent_mtime"] = round(now - random.choice([0, 1, 50]), 3)
        row |= {"audit_skipped": True} if is_directory and random.random() < 0.3 else {}
    return row


@pytest.fixture(scope="module")
def released_python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("released")
    subprocess.run(["uv", "venv", "-q", folder / "venv"], check=True)
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run(["uv", "pip", "install", "-q", "-p", python, "fustor-view-fs==0.8.17"], check=True)
    return python


@pytest.mark.hosts
def test_the_rules_are_those_of_the_release(released_python):
    lines = "\n".join(json.dumps(make_history(seed)) for seed in range(HISTORIES))
    run = subprocess.run([released_python, PLAYER], input=lines, capture_output=True, text=True, check=True)
    compared = sum(compare(seed, json.loads(line)) for seed, line in enumerate(run.stdout.splitlines()))
    assert compared > 10 * HISTORIES


def compare(seed, pictures):
    """Return how many steps agree, up to where the release tears its own tree."""
    clock = [0.0]
    view = ReleasedView(lambda: clock[0])
    for count, (action, seen) in enumerate(zip(make_history(seed), pictures, strict=True)):
        clock[0] = action["now"]
        if seen.pop("is_torn"):
            return count
        view._health._errors = 0  # its host counts them, not the view that is compared with
        is_good = True
        if action["do"] == "event":
            is_good = view.apply(EventBase(**action["event"]))
        else:
            CALLS[action["do"]](view)
        assert picture(view, is_good=is_good) == seen, f"Seed {seed}, step {count}: {action}"
    return len(pictures)


def picture(view, *, is_good):
    tree = {path: [row["is_directory"], row["size"], row["mtime"]] for path, row in view.rows().items()}
    return {"good": is_good, "tree": tree, "suspects": sorted(view.suspects), "blind": sorted(view.blind_spots)}
