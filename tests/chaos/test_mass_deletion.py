"""A tree that is gone, and another one in its place, through the command that users run, into both pushers."""

import json
import sys
from pathlib import Path
from subprocess import run

import pytest

from fustor_conformance.view import replayed
from fustor_pusher_fs import read_events
from fustor_pusher_fs.testing import World as Files
from fustor_pusher_postgres.testing import World as Database

pytestmark = pytest.mark.chaos

MANY = 300
REFUSED = 10
COMMAND = Path(sys.executable).with_name("fustor-driver")


def seen_in_files(world):
    (task,) = Path(world.config()["endpoint"]).iterdir()
    return replayed(read_events(task)).paths()


def seen_in_database(world):
    return {row["path"] for row in world.stored()}


class Pipeline:
    def __init__(self, tmp_path, config, seen):
        self.root, self.directory, self.seen = tmp_path / "root", tmp_path, seen
        source = {"driver": "fs", "uri": str(self.root), "disabled": False}
        self.file = tmp_path / "fustor.yaml"
        self.file.write_text(json.dumps({"sources": {"s": source}, "pushers": {"p": config}}))
        self.fill(MANY)

    def fill(self, count):
        self.root.mkdir(exist_ok=True)
        for number in range(count):
            (self.root / f"f{number}").write_bytes(b"")

    def run(self, *options):
        command = [COMMAND, "run", "--config", self.file, "--for", "3", "--audit-interval", "1", *options]
        return run(command, cwd=self.directory, capture_output=True, text=True, check=False, timeout=60)

    def files(self):
        return sorted(path for path in self.seen() if path != "/")


@pytest.fixture(params=["fs", "postgres"])
def pipeline(request, tmp_path):
    make, seen = (Files, seen_in_files) if request.param == "fs" else (Database, seen_in_database)
    with make() as world:
        yield Pipeline(tmp_path, world.config(), lambda: seen(world))


def test_nothing_is_deleted_that_nobody_meant(pipeline):
    assert pipeline.run().returncode == 0
    everything = pipeline.files()
    assert len(everything) == MANY

    pipeline.root.rename(pipeline.directory / "real")
    pipeline.root.mkdir()
    empty = pipeline.run()
    assert (empty.returncode, pipeline.files()) == (0, everything)
    assert "`allow_empty_root: true`" in empty.stderr

    pipeline.fill(3)
    other = pipeline.run()
    assert (other.returncode, pipeline.files()) == (REFUSED, everything)
    assert "--allow-deletions" in other.stderr

    allowed = pipeline.run("--allow-deletions")
    assert (allowed.returncode, pipeline.files()) == (0, ["/f0", "/f1", "/f2"])
