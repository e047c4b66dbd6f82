"""Options of the whole repository's tests."""

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_WHOLE_RUN = "FUSTOR_WHOLE_RUN"
_PROVED: list[tuple[str, ...]] = []
_SHARED_MODULES = (
    "/tests/mutants/test_mutants.py",
    "/tests/correct/",
    "fustor-conformance/tests/test_agents.py",
    "fustor-conformance/tests/test_first_causes.py",
    "fustor-conformance/tests/test_hangs.py",
    "fustor-conformance/tests/upstream/",
    "fustor-driver/tests/agents/test_run_agent.py",
    "tests/hosts/test_transcripts.py",
    "tests/cli/test_upstream_adoption.py",
    "tests/templates/test_released_",
    "tests/templates/test_rendered.py",
    "tests/templates/test_third_party.py",
)
"""Modules of many long tests that have no costly fixture in common: any process takes any of their tests."""
_SHORT_TESTS = "/tests/mutants/test_mutants.py"
"""Hundreds of shared tests, a second or two each: whatever process is free takes the next one, at the end."""
_ROOM = 8 << 30
"""Bytes of memory: eight processes have a server or two each, with up to a gigabyte of log."""
_HOSTS = 5
"""Processes where only tests of hosts run: those wait for agents, servers and time-outs more than they compute."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--upstream`."""
    parser.addoption("--upstream", action="store_true", help="judge the released drivers, which are known to be bad")


def pytest_configure(config: pytest.Config) -> None:
    """Let `--upstream` choose its tests, and four processes share a run of everything (`-n 0`: one does it)."""
    if config.getoption("upstream"):
        config.option.markexpr = "upstream"
    state = tempfile.mkdtemp(prefix="fustor-new-state-")  # what runs note down is no business of this user
    config.add_cleanup(lambda: shutil.rmtree(state, ignore_errors=True))
    os.environ["XDG_STATE_HOME"] = state
    os.environ["COPIER_CACHE_DIR"] = f"{state}/copier"
    os.environ.setdefault("PIP_COMPILE", "0")  # most of what tests install is never imported
    os.environ.pop("UV_PROJECT_ENVIRONMENT", None)  # what tests make has environments of its own
    _keep_bytecode(config)
    _keep_servers_in_memory()
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:  # as a shell's background leaves the one, and nohup the other
            signal.signal(number, usual)
    is_whole_run = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if is_whole_run:
        os.environ[_WHOLE_RUN] = "yes"  # the processes that share the run are given paths
    if is_whole_run and config.pluginmanager.hasplugin("xdist") and "PYTEST_XDIST_WORKER" not in os.environ:
        _share(config)


@pytest.fixture(scope="session", autouse=True)
def _room_for_runs_within(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give the pytest runs that tests start a place of their own for temporary directories.

    At its end each run removes what was left by the third one before it in the same place. That may be the hundred
    thousand files of a run of everything: minutes on a slow disk, in a test that is timed.
    """
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(tmp_path_factory.mktemp("runs-within"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among thousands of tests that stay, neither while they are collected nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the long form of a test as long as it takes; a run of everything judges four drivers in the wide form."""
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.timeout(0))
        if _WHOLE_RUN in os.environ and _is_of_a_reference_driver(item.path):
            item.add_marker(pytest.mark.wide)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what a test proves of which driver under which host."""
    _PROVED.extend((*told, report.outcome) for name, told in report.user_properties if name == "proves")


def pytest_sessionfinish() -> None:
    """Keep what was proved, for the page about hosts."""
    if _PROVED and "PYTEST_XDIST_WORKER" not in os.environ:
        from hosts.matrix import note  # noqa: PLC0415 - found in `tests`, and only where tests of hosts ran

        note(_PROVED)


@cache
def _is_of_a_reference_driver(path: Path) -> bool:
    """Whether the kit judges one of the four reference drivers; the two examples stand for them in the plain form."""
    return any(path.match(f"*-{name}/tests/test_conformance.py") for name in ("postgres", "fs"))


def _keep_bytecode(config: pytest.Config) -> None:
    """Keep in pytest's cache what was compiled, where the environment wants none of it beside the sources.

    Every process would compile all tests anew, and pytest rewrite their assertions, which takes longer than the rest of
    collecting them.
    """
    cache = getattr(config, "cache", None)  # there is none with `-p no:cacheprovider`
    if sys.dont_write_bytecode and sys.pycache_prefix is None and cache is not None:
        kept = cache.mkdir("bytecode")
        sys.dont_write_bytecode, sys.pycache_prefix = False, str(kept)
        os.environ["PYTHONPYCACHEPREFIX"] = str(kept)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        temporary = kept / tempfile.gettempdir().lstrip("/")  # of modules that tests wrote, each time in other places
        config.add_cleanup(lambda: shutil.rmtree(temporary, ignore_errors=True))


def _keep_servers_in_memory() -> None:
    """Make the files of PostgreSQL servers in memory where there is room: a database is some 300 of them.

    On a disk that takes ten times as long, and much longer once thousands were removed there a short time ago.
    """
    memory = "/dev/shm"  # noqa: S108 - what is made in it gets a name of its own
    with suppress(OSError):  # there is none
        there = os.statvfs(memory)
        is_roomy = there.f_bavail * there.f_frsize >= _ROOM and not there.f_flag & os.ST_NOEXEC
        if is_roomy and os.access(memory, os.W_OK):
            os.environ.setdefault("FUSTOR_TEST_PG_DIR", memory)


def _share(config: pytest.Config) -> None:
    """Do what `-n 4 --dist loadscope` does, unless the command line says how many processes there are.

    Four on two cores: much of the time of a test goes by in waiting for other processes.
    """
    if config.getoption("numprocesses") is None and not config.getoption("usepdb"):
        config.option.numprocesses = _HOSTS if config.option.markexpr == "hosts" else 4
        config.option.dist = "loadscope"
        config.option.tx = ["popen"] * config.option.numprocesses


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a module in one process, but for the modules that would keep one busy long after the others.

    The long tests come first, the short ones last: no process waits at the end for one that has just begun a long one.
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - not installed everywhere

    class Scopes(LoadScopeScheduling):
        def schedule(self) -> None:
            is_planned = self.collection is not None
            super().schedule()
            if not is_planned:
                for scope in filter(_is_shared, tuple(self.workqueue)):
                    self.workqueue.move_to_end(scope, last=_SHORT_TESTS in scope)

        def _split_scope(self, nodeid: str) -> str:
            return nodeid if _is_shared(nodeid) else super()._split_scope(nodeid)

    return Scopes(config, log) if config.option.dist == "loadscope" else None


def _is_shared(nodeid: str) -> bool:
    """Whether any process takes this test, whoever took its neighbours; scopes of one test are named like it."""
    return any(part in nodeid for part in _SHARED_MODULES)
