"""Checks in worker processes: the same verdicts, whatever a driver does to its process."""

import os
import subprocess
import sys

import pytest
from kit_packages import STUB_PUSHER, STUB_PUSHER_WORLD, install

from fustor_conformance import Judge, Kind, Profile, Status, find_rule, find_subject
from fustor_conformance._bench import judged_side_by_side
from fustor_conformance._hands import Hands, Job
from fustor_conformance.subject import Options

NAMES = ("P01", "C01", "C02", "C04", "C11", "U01", "U06", "U08", "U11", "U12", "U16")
RULES = [find_rule(name) for name in NAMES]
WORLD = """
import json
import tempfile
from pathlib import Path


class World:
    keyed = False

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *exc_info):
        self.directory.cleanup()

    def config(self):
        return {"endpoint": self.directory.name}

    def stored(self):
        return []
"""
FIXED = WORLD.replace('{"endpoint": self.directory.name}', '{"endpoint": "/one/place"}')
FATAL = STUB_PUSHER.replace(
    'raise NotImplementedError("Open a session")', 'print("noise"); import os; os._exit(7)'
).replace('raise NotImplementedError("Return {}")', "return {}")


def job_of(name, deadline_sec=20.0):
    return Job(Kind.PUSHER, name, None, Options(), Profile.GUIDE, deadline_sec)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    def put(driver, world, name):
        install(tmp_path, "pusher", {"__init__": "", "driver": driver, "testing": world}, name=name)
        monkeypatch.syspath_prepend(tmp_path)
        return name

    return put


def test_the_verdicts_are_those_of_one_process():
    alone = Judge(find_subject(Kind.PUSHER, "example")).verdicts(RULES)
    seen = []
    judge = Judge(find_subject(Kind.PUSHER, "example"), progress=seen.append)
    beside = judged_side_by_side(judge, RULES, None, 2)
    assert [(v.rule.id, v.status, v.observed) for v in beside] == [(v.rule.id, v.status, v.observed) for v in alone]
    assert {progress.rule.id for progress in seen} == {rule.id for rule in RULES}
    assert {progress.of for progress in seen} == {len(RULES)}


def test_a_driver_that_ends_its_process_costs_that_check_alone(installed):
    name = installed(FATAL, WORLD, "fatal")
    verdicts = judged_side_by_side(Judge(find_subject(Kind.PUSHER, name)), RULES[:6], None, 2)
    found = {verdict.rule.id: verdict for verdict in verdicts}
    assert (found["U01"].status, found["U01"].detail) == (
        Status.FAILED,
        "The process ended with 7 while this check ran",
    )
    assert {found[rule_id].status for rule_id in ("P01", "C01", "C02", "C04")} == {Status.PASSED}


@pytest.mark.parametrize("world", [FIXED, STUB_PUSHER_WORLD, WORLD.replace("return self", "raise OSError")])
def test_worlds_that_may_be_in_each_others_way_keep_the_checks_in_one_process(installed, world):
    name = installed(STUB_PUSHER, world, "narrow")
    with Hands(job_of(name)) as hands:
        assert hands.add(2) == []


def test_worlds_that_live_apart_let_processes_work(installed):
    name = installed(STUB_PUSHER, WORLD, "wide")
    with Hands(job_of(name)) as hands:
        assert len(hands.add(2)) == 2


def test_what_a_world_has_registered_for_the_end_is_done_when_a_process_ends(installed, tmp_path):
    ended = tmp_path / "ended"
    world = f"import atexit, pathlib\natexit.register(pathlib.Path({str(ended)!r}).touch)\n{WORLD}"
    name = installed(STUB_PUSHER, world, "registered")
    with Hands(job_of(name)) as hands:
        assert len(hands.add(1)) == 1
        assert not ended.exists()
    assert ended.exists()


def test_a_directory_for_temporary_files_may_have_a_long_name(tmp_path):
    """Where a socket finds no place in it, the checks are run in one process."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    checks = [f"C{number:02}" for number in range(1, 11)] + ["U01", "U02", "U03"]  # enough to be worth processes
    command = [sys.executable, "-m", "fustor_driver", "conform", "pusher", "example", *checks, "--jobs", "2"]
    env = dict(os.environ) | {"TMPDIR": str(long)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, "13 checks chosen, nothing broken" in done.stdout) == (0, True), done.stdout + done.stderr
