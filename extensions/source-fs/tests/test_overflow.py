"""What is lost on the way from the kernel is found by comparison, exactly."""

import os
import shutil
import threading
import time


def fill(root, count):
    for number in range(count):
        (root / f"flood-{number}").write_bytes(b"")


def overflow(running, root):
    """Stop the reader, make more events than the driver may hold, and return once some are dropped."""
    running.allowed.clear()
    (root / "last-before").write_bytes(b"")
    running.until(lambda _, row: row["path"] == "/last-before")
    fill(root, 1500)


def test_a_spilled_queue_loses_no_change(root, reader, make_driver):
    for name in ("gone", "kept", "changed", "moved"):
        (root / "d" / name).parent.mkdir(exist_ok=True)
        (root / "d" / name).write_bytes(b"1")
        os.utime(root / "d" / name, (1000, 1000))
    (root / "e/f").mkdir(parents=True)
    (root / "e/f/deep").write_bytes(b"")
    (root / "swap-a").mkdir()
    (root / "swap-b").mkdir()
    (root / "swap-a/same").write_bytes(b"a")
    (root / "swap-b/same").write_bytes(b"bb")
    (root / "swap-a/only-a").write_bytes(b"aaa")
    before = files_in(root)
    driver = make_driver(queue_bytes=1 << 16)
    running = reader(driver)
    overflow(running, root)
    (root / "d/gone").unlink()
    (root / "d/changed").write_bytes(b"22")
    os.utime(root / "d/changed", (1000, 1000))
    (root / "d/moved").rename(root / "d/here")
    (root / "e/f").rename(root / "g")
    (root / "swap-a").rename(root / "swap-c")
    (root / "swap-b").rename(root / "swap-a")
    (root / "swap-c").rename(root / "swap-b")
    (root / "h/i").mkdir(parents=True)
    (root / "h/i/new").write_bytes(b"")
    (root / "d/kept2").mkdir()
    shutil.rmtree(root / "d/kept2")
    running.allowed.set()
    assert replayed(running, before) == {path: size for path, size in files_in(root).items() if "mark" not in path}
    assert driver.statistics()["overflows"] > 0
    assert driver.statistics()["rescans"] > 0


def replayed(running, before):
    """Sizes of the files that the rows tell of, on top of what was there before."""
    state = dict(before)
    for sign, row in running.until(lambda _, row: row["path"] == "/h/i/new") + running.told() + running.told():
        if sign == "-":
            gone = [path for path in state if path == row["path"] or path.startswith(row["path"] + "/")]
            for path in gone:
                del state[path]
        elif not row["is_directory"]:
            state[row["path"]] = row["size"]
    return {path: size for path, size in state.items() if "mark" not in path}


def files_in(root):
    found = (path for path in root.rglob("*") if path.is_file())
    return {f"/{path.relative_to(root)}": path.stat().st_size for path in found}


def test_what_did_not_change_is_not_told_again(root, reader, make_driver):
    (root / "d/e").mkdir(parents=True)
    (root / "d/e/kept").write_bytes(b"")
    running = reader(make_driver(queue_bytes=1 << 16))
    wait_out_the_clock_slack(root / "d/e/kept")
    overflow(running, root)
    (root / "d/e/new").write_bytes(b"")
    running.allowed.set()
    rows = running.until(lambda _, row: row["path"] == "/d/e/new") + running.told()
    told = {row["path"] for _, row in rows}
    assert not told & {"/d", "/d/e", "/d/e/kept"}


def wait_out_the_clock_slack(path):
    """Files younger than the slack of the comparison may be told again; wait until this one is older."""
    while time.time() - path.stat().st_ctime < 2.2:
        threading.Event().wait(0.1)
