"""What needs mounts or limits of its own: each script runs in namespaces that end with it, and changes nothing else."""

import shutil
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.wide

HEADER = """
import asyncio, json, os, shutil, subprocess, sys, threading
from fustor_core.models.config import SourceConfig
from fustor_core.exceptions import DriverError
from fustor_source_fs import FsDriver
root = sys.argv[1]
def mount(*arguments): subprocess.run(["mount", *arguments], check=True)
def driver(**params):
    return FsDriver("n", SourceConfig(driver="fs", uri=root, max_retries=3, retry_delay_sec=0.05, driver_params=params))
def rows(events): return [row for event in events for row in event.rows]
def touch(path): open(f"{root}/{path}", "w").close()
def until(stream, path):
    seen = []
    for event in stream:
        seen += [("-" if event.event_type == "delete" else "+") + row["path"] for row in event.rows]
        if any(row["path"] == path for row in event.rows): return seen
"""


def run(root, script, *options):
    """What the script prints, from new user and mount namespaces."""
    command = ["unshare", "--user", "--map-root-user", "--mount", *options, sys.executable, "-c"]
    if shutil.which("unshare") is None or subprocess.run([*command, "0"], capture_output=True, check=False).returncode:
        pytest.skip("This system lets no test make namespaces")
    done = subprocess.run(
        [*command, HEADER + textwrap.dedent(script), str(root)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1], done.stderr


@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_what_is_mounted_below_is_told_as_a_directory_not_entered(root, kind):
    (root / "mounted").mkdir()
    (root / "source").mkdir()
    (root / "source/inner").mkdir()
    lines, _ = run(
        root,
        f"""
        mount(*{["-t", "tmpfs", "none"] if kind == "tmpfs" else ["--bind", f"{root}/source"]!r}, root + "/mounted")
        os.makedirs(root + "/mounted/inner", exist_ok=True)
        for events in (driver().get_snapshot_iterator(), driver().get_audit_iterator()):
            print(sorted(row["path"] for row in rows(events) if row.get("audit_skipped")), flush=True)
        d = driver(); stream = d.get_message_iterator()
        touch("mounted/inner/unseen"); touch("seen")
        print(until(stream, "/seen"))
        entered = driver(one_file_system=False)
        print([row["path"] for row in rows(entered.get_snapshot_iterator()) if row["path"].startswith("/mounted")])
        stream = entered.get_message_iterator(); touch("mounted/inner/found")
        print("+/mounted/inner/found" in until(stream, "/mounted/inner/found"))
        sys.stdout.flush(); os._exit(0)
        """,
    )
    assert lines[:2] == ["['/mounted']"] * 2
    assert "/mounted/inner" not in lines[2]
    assert "'/mounted', '/mounted/inner'" in lines[3]
    assert lines[4] == "True"


@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_a_mounted_directory_without_directories_is_not_entered_either(root, kind):
    (root / "mounted").mkdir()
    (root / "source").mkdir()
    lines, _ = run(
        root,
        f"""
        mount(*{["-t", "tmpfs", "none"] if kind == "tmpfs" else ["--bind", f"{root}/source"]!r}, root + "/mounted")
        touch("mounted/file")
        for events in (driver().get_snapshot_iterator(), driver().get_audit_iterator()):
            print([row["path"] for row in rows(events) if row["path"].startswith("/mounted/")], flush=True)
        """,
    )
    assert lines == ["[]", "[]"]


@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_an_unmounted_root_is_an_error_and_no_deletion(root, tmp_path, kind):
    (tmp_path / "source").mkdir()
    lines, _ = run(
        root,
        f"""
        mount(*{["-t", "tmpfs", "none"] if kind == "tmpfs" else ["--bind", f"{tmp_path}/source"]!r}, root)
        touch("file")
        d = driver(poll_interval_sec=0.1)
        rows(d.get_snapshot_iterator())
        stream = d.get_message_iterator()
        subprocess.run(["umount", "--lazy", root], check=True)
        for name, events in (("snapshot", d.get_snapshot_iterator()), ("audit", d.get_audit_iterator())):
            told = []
            try:
                for event in events: told += event.rows
            except DriverError as error: print(name, len(told), "gone" in str(error))
        touch("below-the-mount")
        told = []
        try:
            for event in stream: told += event.rows
        except DriverError as error: print("realtime", len(told), "come back" in str(error), flush=True)
        """,
    )
    assert lines == ["snapshot 0 True", "audit 0 True", "realtime 0 True"]


LIMIT = """
with open("/proc/sys/user/max_inotify_watches", "w") as limit: limit.write("20")
for number in range(50): os.makedirs(f"{root}/d{number}/e")
touch("d7/e/old")
"""


def test_directories_beyond_the_limit_on_watches_are_polled_and_that_is_said(root):
    lines, log = run(
        root,
        LIMIT
        + """
d = driver(poll_interval_sec=0.2)
stream = d.get_message_iterator()
statistics = d.statistics()
print(statistics["watched_directories"], statistics["unwatched_directories"])
for number in range(50): touch(f"d{number}/e/new")
os.unlink(f"{root}/d7/e/old"); os.makedirs(f"{root}/d9/e/x/y"); touch("d9/e/x/y/z")
wanted = {f"+/d{n}/e/new" for n in range(50)} | {"-/d7/e/old", "+/d9/e/x/y/z"}
for event in stream:
    wanted -= {("-" if event.event_type == "delete" else "+") + row["path"] for row in event.rows}
    if not wanted: break
with open(f"{root}/d9/e/new", "w") as file: file.write("in place")
for event in stream:
    if any(row["path"] == "/d9/e/new" and row["size"] == 8 for row in event.rows): break
print("all told", flush=True); sys.stdout.flush(); os._exit(0)
""",
    )
    assert lines == ["20 81", "all told"]
    assert log.count("sysctl fs.inotify.max_user_watches") == 1
    assert "at least 101 are needed" in log


@pytest.mark.parametrize("what", ["made anew", "exchanged"])
def test_a_watched_directory_in_a_polled_one_may_be_another_by_the_next_poll(root, what):
    lines, _ = run(
        root,
        f"""
        with open("/proc/sys/user/max_inotify_watches", "w") as limit: limit.write("3")
        for name in ("one", "two"): os.mkdir(f"{{root}}/{{name}}")
        d = driver(poll_interval_sec=0.5)
        stream = d.get_message_iterator()
        os.mkdir(f"{{root}}/polled"); until(stream, "/polled")
        os.rename(f"{{root}}/one", f"{{root}}/polled/one"); until(stream, "/polled/one")
        if {what!r} == "exchanged":
            os.mkdir(f"{{root}}/polled/other"); touch("polled/other/before"); until(stream, "/polled/other")
            os.rename(f"{{root}}/polled/one", f"{{root}}/polled/gone")
            os.rename(f"{{root}}/polled/other", f"{{root}}/polled/one")
            until(stream, "/polled/one/before")
        else:
            os.rmdir(f"{{root}}/polled/one"); os.mkdir(f"{{root}}/polled/one"); until(stream, "/polled/one")
        touch("polled/one/file"); until(stream, "/polled/one/file")
        os.unlink(f"{{root}}/polled/one/file"); until(stream, "/polled/one/file")
        print("all told", flush=True); sys.stdout.flush(); os._exit(0)
        """,
    )
    assert lines == ["all told"]


READINGS = {
    "snapshot": "d.get_snapshot_iterator()",
    "small batches": "d.get_snapshot_iterator(batch_size=2)",
    "partitions": "(event for one in d.get_snapshot_partitions(3) for event in d.get_snapshot_iterator(partition=one))",
    "audit": "d.get_audit_iterator()",
    "audit of agent 0.8": "(event for event, _ in d.get_audit_iterator(mtime_cache={}) if event)",
    "part": "d.scan_path('/d30')",
    "one by one": "(event for path in ['/d30/e/stays', *paths] for event in d.scan_path(path, recursive=False))",
}
LONG = {"small batches", "audit", "part"}
"""Each of these has a neighbour that reads in nearly the same way."""


@pytest.mark.parametrize(
    "reading", [pytest.param(name, marks=pytest.mark.full if name in LONG else ()) for name in READINGS]
)
def test_what_is_listed_in_a_polled_directory_and_gone_before_the_next_poll_is_taken_back(root, reading):
    lines, _ = run(
        root,
        LIMIT
        + f"""
for number in range(1500): os.makedirs(f"{{root}}/d30/e/many/{{number:04}}/deep")
d = driver(poll_interval_sec=0.1)
stream = d.get_message_iterator()
paths = ["/d30/e/ghost", "/d30/e/\u00fc", "/d30/e/box/below/\u00fc", "/d30/e/box/below", "/d30/e/box"]
os.makedirs(f"{{root}}/d30/e/box/below")
for name in ("ghost", "\u00fc", "box/below/\u00fc", "stays"): touch("d30/e/" + name)
seen = {{row["path"] for event in {READINGS[reading]} for row in event.rows}}
print({{"/d30/e/stays", *paths}} - seen)
shutil.rmtree(f"{{root}}/d30/e/box"); os.unlink(f"{{root}}/d30/e/ghost"); os.unlink(f"{{root}}/d30/e/\u00fc")
told = []
for event in stream:
    if event.event_type == "delete": told += [row["path"] for row in event.rows]
    if set(paths) <= set(told): break
print(told.index(paths[2]) < told.index(paths[3]) < told.index(paths[4]), "/d30/e/stays" in told)
os.unlink(f"{{root}}/d30/e/stays"); until(stream, "/d30/e/stays")
print("all told", flush=True); sys.stdout.flush(); os._exit(0)
""",
    )
    assert lines == ["set()", "True False", "all told"]


def test_a_limit_on_watches_may_be_an_error(root):
    lines, _ = run(
        root,
        LIMIT
        + """
try: driver(on_watch_limit="fail").get_message_iterator()
except DriverError as error: print(error, flush=True)
print(asyncio.run(FsDriver.check_runtime_params(uri=root)), flush=True)
sys.stdout.flush(); os._exit(0)
""",
    )
    assert "limit on inotify watches" in lines[0]
    assert "101 directories need as many watches and 20 are allowed" in lines[1]


def test_no_instance_left_is_an_error_that_names_the_cure(root):
    lines, _ = run(
        root,
        """
        with open("/proc/sys/user/max_inotify_instances", "w") as limit: limit.write("0")
        try: driver().get_message_iterator()
        except DriverError as error: print(error)
        """,
    )
    assert "fs.inotify.max_user_instances" in lines[0]


@pytest.mark.parametrize("holds", [(), ("other",)])
@pytest.mark.parametrize("after", ["mounted over", "mounted anew"])
def test_a_file_system_that_takes_the_place_of_the_root_deletes_nothing(root, holds, after):
    lines, log = run(
        root,
        f"""
        mount("-t", "tmpfs", "none", root); touch("file")
        d = driver(poll_interval_sec=0.1)
        stream = d.get_message_iterator()
        if {after!r} == "mounted anew": subprocess.run(["umount", "--lazy", root], check=True)
        mount("-t", "tmpfs", "none", root)
        for name in {holds!r}: touch(name)
        for name, events in (("snapshot", d.get_snapshot_iterator()), ("audit", d.get_audit_iterator())):
            told = []
            try:
                for event in events: told += event.rows
            except DriverError as error: print(name, len(told), "gone" in str(error))
        told = []
        try:
            for event in stream: told += event.rows
        except DriverError as error: print("realtime", len(told), "come back" in str(error), flush=True)
        """,
    )
    assert lines == ["snapshot 0 True", "audit 0 True", "realtime 0 True"]
    assert "(attempt 1 of 3, next in 0.05 s)" in log


def test_a_disk_that_comes_back_is_the_one_that_it_was(root, tmp_path):
    (tmp_path / "disk").mkdir()
    lines, _ = run(
        root,
        f"""
        disk = {str(tmp_path / "disk")!r}
        mount("-t", "tmpfs", "none", disk); os.mkdir(disk + "/tree")
        mount("--bind", disk + "/tree", root); touch("file")
        d = driver(poll_interval_sec=0.1)
        stream = d.get_message_iterator()
        subprocess.run(["umount", "--lazy", root], check=True)
        open(disk + "/tree/new", "w").close()
        mount("--bind", disk + "/tree", root)
        found = until(stream, "/new")
        print("-/file" in found, flush=True); sys.stdout.flush(); os._exit(0)
        """,
    )
    assert lines == ["False"]


def test_a_disk_that_is_mounted_after_the_start_is_taken_in(root):
    lines, _ = run(
        root,
        """
        d = driver(poll_interval_sec=0.1)
        stream = d.get_message_iterator()
        print([row.get("audit_skipped") for row in rows(d.get_snapshot_iterator())])
        mount("-t", "tmpfs", "none", root); touch("file")
        print(until(stream, "/file"), flush=True)
        print([row.get("audit_skipped") for row in rows(d.get_snapshot_iterator())], flush=True)
        sys.stdout.flush(); os._exit(0)
        """,
    )
    assert lines == ["[None, True]", "['+/file']", "[None, None]"]


def test_a_mount_below_that_is_gone_is_told_as_not_listed(root):
    (root / "d/mounted").mkdir(parents=True)
    lines, log = run(
        root,
        """
        mount("-t", "tmpfs", "none", root + "/d/mounted"); touch("d/mounted/file")
        d = driver(one_file_system=False)
        stream = d.get_message_iterator()
        rows(d.get_snapshot_iterator()); rows(d.get_audit_iterator())
        subprocess.run(["umount", "--lazy", root + "/d/mounted"], check=True)
        for events in (d.get_snapshot_iterator(), d.get_audit_iterator()):
            print([row.get("audit_skipped") for row in rows(events) if row["path"] == "/d/mounted"])
        touch("d/mark"); print("-/d/mounted/file" in until(stream, "/d/mark"))
        mount("-t", "tmpfs", "none", root + "/d/mounted"); touch("d/mounted/new")
        for events in (d.get_snapshot_iterator(), d.get_audit_iterator()):
            print([row["path"] for row in rows(events) if row["path"].startswith("/d/mounted/")], flush=True)
        sys.stdout.flush(); os._exit(0)
        """,
    )
    assert lines[0] == "[None, True]"
    assert lines[1] == "[True]"
    assert lines[2] == "False"
    assert lines[3:] == ["['/d/mounted/new']"] * 2
    assert log.count("/d/mounted' is gone") == 1
