"""What no event reports, under agent 0.8.17: source-fs has watches for a part of the tree, and never polls the rest."""

import shutil
import subprocess

import pytest
from hosts.test_fs_under_agent_08 import fill, proves
from hosts.tree_and_view import SETTLE_SEC, Pair
from hosts.waiting import eventually

WATCHES = 12
DIRECTORIES = 30
BEATS_SEC = 5
"""How often the agent asks what is wanted; a session that is silent for three times as long is lost, and found anew."""
FEW_WATCHES = f"echo {WATCHES} > /proc/sys/user/max_inotify_watches"
IN_A_NAMESPACE = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    f'{FEW_WATCHES} && exec setpriv --bounding-set -dac_override,-dac_read_search "$@"',
    "sh",
)
"""A user of its own for the agent: few watches, and no right to read what nobody may read."""

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(
        shutil.which("unshare") is None or subprocess.run([*IN_A_NAMESPACE, "true"], check=False).returncode != 0,
        reason="The kernel gives this user no namespace of its own",
    ),
]


@pytest.fixture
def live(new_agent, new_fusion, tmp_path):
    """A function that gives a pair which runs, blind to most of its tree."""
    fill(tmp_path / "world", DIRECTORIES, 5)

    def make(**options):
        agent = new_agent("0.8.17", IN_A_NAMESPACE)
        return Pair(tmp_path / "world", agent, new_fusion(**options)).live(poll_interval_sec=3600)

    return make


@proves("what was deleted in a directory that nobody could read is gone after the next audit")
def test_no_mark_of_an_audit_stays_in_the_view(live):
    with live(audit_sec=1.0) as pair:
        pair.settles()
        pair.audited()
        folders = sorted(pair.root.iterdir())
        for folder in folders:
            folder.chmod(0)
            (folder / "file-1").unlink()
        pair.audited()
        ghosts = pair.difference()["ghosts"]
        for folder in folders:
            folder.chmod(0o755)
        assert ghosts
        pair.audited()
        pair.settles()


@proves("a scan on demand finds what no event told of")
def test_a_scan_on_demand_finds_what_was_missed(live):
    with live(audit_sec=600, timeout_sec=BEATS_SEC * 3) as pair:
        pair.settles()
        for folder in pair.root.iterdir():
            (folder / "new").write_text("x")
        missing = lambda: len((pair.difference() or {"missing": ()})["missing"])  # noqa: E731 - used once
        assert eventually(lambda: 0 < missing() <= DIRECTORIES - WATCHES + 1, SETTLE_SEC)
        pair.fusion.tree("/", on_demand_scan=True)
        pair.settles()
