"""What a process shares: each part is seen to change, and is put back."""

from __future__ import annotations

import gc
import io
import logging
import os
import socket
import sys
import threading
import time
import warnings

import pytest

from fustor_conformance.monitor.process import ProcessState
from fustor_conformance.monitor.zone import set_zone

OTHER_ZONE = "Pacific/Marquesas"


def ignore(*_):
    """A hook that does nothing."""


CHANGES = {
    "the time zone": lambda _: set_zone(OTHER_ZONE),
    "the working directory": os.chdir,
    "the umask": lambda _: os.umask(0o027),
    "sys.path": lambda path: sys.path.insert(0, str(path)),
    "os.environ": lambda _: os.environ.pop("PATH"),
    "the root logger's level": lambda _: logging.root.setLevel(17),
    "the root logger's handlers": lambda _: logging.root.addHandler(logging.NullHandler()),
    "logging.disable": lambda _: logging.disable(17),
    "the default timeout of sockets": lambda _: socket.setdefaulttimeout(17),
    "sys.excepthook": lambda _: setattr(sys, "excepthook", ignore),
    "threading.excepthook": lambda _: setattr(threading, "excepthook", ignore),
    "the garbage collector": lambda _: gc.set_threshold(17),
    "the recursion limit": lambda _: sys.setrecursionlimit(sys.getrecursionlimit() + 17),
    "the switch interval": lambda _: sys.setswitchinterval(0.017),
}


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells all of it")
@pytest.mark.parametrize("name", CHANGES)
def test_a_part_is_seen_to_change_and_is_put_back(name, tmp_path):
    before = ProcessState()
    CHANGES[name](tmp_path)
    changes = before.changes(ProcessState())
    before.restore(changes)
    assert set(changes) == {name}
    assert before.changes(ProcessState()) == {}


def test_a_filter_that_hides_everything_is_seen_and_one_for_ones_own_is_not():
    with warnings.catch_warnings():
        before = ProcessState()
        warnings.filterwarnings("ignore", message="mine")
        assert before.changes(ProcessState()) == {}
        warnings.simplefilter("ignore")
        assert list(before.changes(ProcessState())) == ["warnings that are ignored altogether"]


def test_variables_that_an_import_brings_are_nobodys(monkeypatch):
    before = ProcessState()
    monkeypatch.setitem(sys.modules, "kit_imported_meanwhile", sys)
    monkeypatch.setenv("KIT_BROUGHT", "1")
    assert before.changes(ProcessState()) == {}
    monkeypatch.setenv("PATH", "elsewhere")
    assert list(before.changes(ProcessState())) == ["os.environ"]


def test_what_somebody_else_changed_is_adopted(monkeypatch):
    before = ProcessState()
    monkeypatch.setenv("KIT_WORLD", "1")
    after = ProcessState()
    before.adopt(after, before.changes(after))
    assert before.changes(ProcessState()) == {}


def test_values_of_variables_stay_unsaid(monkeypatch):
    monkeypatch.setenv("KIT_SECRET", "hunter1")
    before = ProcessState()
    monkeypatch.setenv("KIT_SECRET", "hunter2")
    assert "hunter" not in str(before.changes(ProcessState()))


def test_the_zone_of_the_machine_comes_back():
    named = time.tzname
    set_zone(OTHER_ZONE)
    set_zone(None)
    assert time.tzname == named


def test_the_handlers_of_pytest_come_and_go_by_themselves(caplog):
    assert caplog.handler in logging.root.handlers
    before = ProcessState()
    logging.root.removeHandler(caplog.handler)
    own = logging.NullHandler()
    logging.root.addHandler(own)
    changes = before.changes(ProcessState())
    logging.root.addHandler(caplog.handler)
    before.restore(changes)
    assert "LogCaptureHandler" not in str(changes)
    assert caplog.handler in logging.root.handlers
    assert own not in logging.root.handlers


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_is_redirected_is_seen_and_the_capture_of_pytest_comes_and_goes_by_itself(name, monkeypatch):
    captured = ProcessState()
    monkeypatch.setattr(sys, name, getattr(sys, f"__{name}__"))
    suspended = ProcessState()
    assert captured.changes(suspended) == suspended.changes(captured) == {}
    monkeypatch.setattr(sys, name, io.StringIO())
    assert list(suspended.changes(ProcessState())) == ["sys.stdout and sys.stderr"]
