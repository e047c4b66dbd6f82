"""The released drivers as known-bad fixtures: the kit must find the faults that they are known for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.hosts, pytest.mark.upstream]

SCRIPT = Path(__file__).with_name("judge_upstream.py")


def findings(tmp_path, packages, value, kind, checks):
    """What each check finds in a released driver; None where it passes."""
    for package in packages:
        command = ["uv", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path), package]
        subprocess.run(command, check=True, timeout=120)
    command = [sys.executable, str(SCRIPT), str(tmp_path), value, kind, *checks]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


FS_08 = ["fustor-core==0.8.17", "fustor-source-fs==0.8.17", "fustor-schema-fs==0.8.17", "watchdog==6.0.0"]
FS_02 = ["fustor-event-model==0.2.16", "fustor-source-fs==0.2.16", "watchdog==6.0.0"]
MYSQL_08 = [
    "fustor-core==0.8.17",
    "fustor-source-mysql==0.8.17",
    "aiomysql==0.2.0",
    "mysql-replication==1.0.9",
    "pymysql==1.1.1",
]
ECHO_02 = ["fustor-event-model==0.2.16", "fustor-pusher-echo==0.2.16"]


def test_source_fs_0_8_17_repeats_indexes_and_empties_an_unreadable_directory(tmp_path):
    found = findings(tmp_path, FS_08, "fustor_source_fs:FSDriver", "source", ["I01", "I02", "A10"])
    assert "as the one before it" in found["I01"]
    assert "as the one before it" in found["I02"]
    assert "'/kit-refused' could not be listed, and its row does not say so alone" in found["A10"]


def test_source_fs_0_2_16_says_no_message_source(tmp_path):
    found = findings(tmp_path, FS_02, "fustor_source_fs:FSDriver", "source", ["E02"])
    assert "not 'snapshot'" in found["E02"]


def test_pusher_echo_0_2_16_gives_a_text_for_a_session(tmp_path):
    found = findings(tmp_path, ECHO_02, "fustor_pusher_echo:EchoDriver", "pusher", ["U01", "U06"])
    assert "no mapping with a session_id" in found["U01"]


def test_source_mysql_0_8_17_lacks_the_stop_event_and_refuses_discovery(tmp_path):
    found = findings(tmp_path, MYSQL_08, "fustor_source_mysql:MysqlDriver", "source", ["C05", "C08"])
    assert "_stop_driver_event is None" in found["C05"]
    assert "requires 'uri' and 'admin_creds'" in found["C08"]
