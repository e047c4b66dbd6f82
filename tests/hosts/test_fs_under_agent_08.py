"""source-fs under agent 0.8.17: the view's tree, as Fusion shows it over HTTP, is the tree that is watched."""

import shutil

import pytest
from hosts.tree_and_view import SETTLE_SEC, Pair, differences, world
from hosts.waiting import eventually
from users import BOUND_BY_RIGHTS

HOST = "agent 0.8.17 with Fusion"
BURST = 1_500
ODD_NAMES = ("a b", "new\nline", 'quo"te', "tab\there", "caf\u00e9", "cafe\u0301", "100%", "-x", ".hidden", "ü" * 100)

pytestmark = pytest.mark.hosts


def proves(what):
    return pytest.mark.proves("source-fs", HOST, what)


def fill(folder, directories=20, files=20):
    for number in range(directories):
        (folder / f"dir-{number}").mkdir(parents=True)
        for at in range(files):
            (folder / f"dir-{number}" / f"file-{at}").write_text("x" * at)


@pytest.fixture(scope="module")
def pair(new_agent, new_fusion, tmp_path_factory):
    """An agent and Fusion that run through all tests of this module, each of which works in a place of its own."""
    root = tmp_path_factory.mktemp("world").resolve()
    fill(root / "before")
    for name in ODD_NAMES:
        (root / "before" / name).write_text(name)
        (root / "before" / f"in {name}").mkdir()
    with Pair(root, new_agent("0.8.17", BOUND_BY_RIGHTS), new_fusion()).live() as made:
        yield made


@pytest.fixture
def place(pair, request):
    """A directory of its own for a test, which the view shows."""
    folder = pair.root / request.node.name
    folder.mkdir()
    pair.settles()
    return folder


@proves("the snapshot")
def test_the_view_shows_the_tree(pair):
    pair.settles()
    assert len(pair.fusion.tree()) > 400


@proves("creates, changes, renames of files and directories, deletes, moves in and out")
def test_what_happens_is_shown_in_realtime_and_confirmed_by_an_audit(pair, place, tmp_path):
    fill(place / "old")
    pair.settles()
    with pair.nothing_live_goes():
        fill(place / "new", 10)
        for number in range(10):
            (place / "old" / f"dir-{number}" / "file-1").write_text("changed")
            (place / "old" / f"dir-{number}" / "file-2").rename(place / "old" / f"renamed-{number}")
            (place / "old" / f"dir-{number}" / "file-3").unlink()
        for number in range(10, 14):
            (place / "old" / f"dir-{number}").rename(place / "old" / f"moved-{number}")
            shutil.rmtree(place / "old" / f"dir-{number + 4}")
        fill(tmp_path / "in", 2)
        (tmp_path / "in").rename(place / "in")
        (place / "old" / "dir-18").rename(tmp_path / "out")
        pair.settles()
        pair.audited()
    pair.settles()


@proves("1,500 creates in one burst, then 1,500 deletes in another")
def test_nothing_of_a_burst_is_lost(pair, place):
    for number in range(BURST):
        (place / f"{number}").write_text("x")
    pair.settles()
    for number in range(BURST):
        (place / f"{number}").unlink()
    pair.settles()
    pair.audited()
    pair.settles()


@proves("a directory that may not be read keeps what the view knows of it")
def test_what_may_not_be_read_stays_in_the_view(pair, place):
    fill(place / "closed", 2, 5)
    pair.settles()
    known = {path for path in world(pair.root) if path.startswith(f"/{place.name}/closed")}
    with pair.nothing_live_goes():
        (place / "closed").chmod(0o000)
        try:
            pair.audited()
            seen = pair.fusion.tree().keys()
        finally:
            (place / "closed").chmod(0o755)
        assert known <= seen
        shutil.rmtree(place / "closed" / "dir-0")
        pair.settles()
        pair.audited()
    pair.settles()


@proves("changes while the agent is stopped")
def test_what_changes_while_the_agent_is_stopped_is_found_by_its_start(pair, place):
    fill(place / "old", 5)
    pair.settles()
    pair.stop()
    shutil.rmtree(place / "old" / "dir-0")
    (place / "old" / "dir-1").rename(place / "old" / "moved")
    (place / "old" / "dir-2" / "file-3").write_text("changed")
    fill(place / "new", 5)
    pair.start()
    pair.settles()


@proves("files made while an audit lists are not taken away by it")
def test_an_audit_takes_no_file_away_that_was_made_meanwhile(new_agent, new_fusion, tmp_path):
    """Every audit is a full one and begins half a second after the one before."""
    root = tmp_path / "world"
    fill(root, 100, 100)
    (root / "0-first").mkdir()
    with Pair(root, new_agent("0.8.17"), new_fusion(audit_sec=0.5)).live(full_audit_every=1) as pair:
        pair.settles()
        first, made = pair.fusion.audits(), 0
        with pair.nothing_live_goes():
            while pair.fusion.audits() < first + 2:
                for made in range(made + 1, made + 11):  # noqa: B020 - counts on
                    (root / "0-first" / f"{made}").write_text("x")
            pair.settles()


@proves("1,500 files made while Fusion is not there yet, and what comes after")
def test_realtime_outlives_a_receiver_that_comes_late(new_agent, new_fusion, tmp_path):
    """More events than the agent's bus holds wait until someone takes them: one for each file."""
    pair = Pair(tmp_path / "world", new_agent("0.8.17"), new_fusion())
    pair.root.mkdir()
    pair.configure(batch_size=1)
    pair.start()
    try:
        away = lambda: any("Failed to create session" in line for line in pair.running.log())  # noqa: E731 - used once
        assert eventually(away, SETTLE_SEC), pair.running.log()[-20:]
        for number in range(BURST):
            (pair.root / f"{number}").write_text("x")
        pair.fusion.start()
        pair.settles()
        (pair.root / "later").write_text("x")
        pair.settles()
        pair.stop()
    finally:
        pair.end()


@proves("a scan on demand reads the tree again")
def test_a_scan_on_demand_sends_what_is_there(new_agent, new_fusion, tmp_path):
    fill(tmp_path / "world", 3, 3)
    with Pair(tmp_path / "world", new_agent("0.8.17"), new_fusion(timeout_sec=15)).live() as pair:
        pair.settles()
        pair.fusion.tree("/dir-1", on_demand_scan=True)
        done = lambda: [line for line in pair.running.log() if "On-Demand scan completed" in line]  # noqa: E731
        assert eventually(lambda: bool(done()), SETTLE_SEC), pair.running.log()[-20:]
        assert "Sent 0 events" not in done()[0]
        pair.settles()


@proves("changes while the agent is dead after `kill -9`")
def test_a_killed_agent_is_followed_by_one_that_finds_everything(new_agent, new_fusion, tmp_path):
    """Fusion keeps the dead one's session until it has been silent for as long as its pipe allows."""
    fill(tmp_path / "world", 5, 5)
    with Pair(tmp_path / "world", new_agent("0.8.17"), new_fusion(timeout_sec=3)).live() as pair:
        pair.settles()
        pair.running.kill()
        shutil.rmtree(tmp_path / "world" / "dir-0")
        fill(tmp_path / "world" / "new", 2, 5)
        pair.start()
        pair.settles()


@pytest.mark.full
@proves("20,000 creates in one burst, then 20,000 deletes in another")
def test_nothing_of_a_burst_beyond_every_queue_is_lost(pair, place):
    for number in range(20_000):
        (place / f"{number}").touch()
    pair.settles(300)
    for number in range(20_000):
        (place / f"{number}").unlink()
    pair.settles(300)
    pair.audited()
    pair.settles()


def test_a_difference_is_seen(tmp_path):
    (tmp_path / "kept").write_text("x")
    real = world(tmp_path)
    assert not any(differences(real, real).values())
    seen = {**real, "/kept": (False, 2, real["/kept"][2]), "/ghost": (False, 0, 0.0)}
    del seen["/"]
    assert differences(seen, real) == {"missing": ["/"], "ghosts": ["/ghost"], "stale": ["/kept"]}
