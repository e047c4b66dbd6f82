"""The oracle bites: it finds what other ways to watch a tree lose or invent."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fustor_source_fs import FsDriver
from fustor_source_fs._inotify import Mask
from fustor_source_fs._names import text_of
from fustor_source_fs._rows import DELETE, UPSERT, gone_now, row
from fustor_source_fs._stream import Stream

PEER = Path(__file__).with_name("peer_process.py")


class PairingStream(Stream):
    """Takes a directory's move for a new name of the same watched tree, and does not look at the tree again."""

    def _handle_directory(self, node, event):
        moved = self.__dict__.setdefault("moved", {})
        child = node.child(event.name) if event.name else None
        if event.mask & Mask.MOVED_FROM and child is not None:
            moved[event.cookie] = child
            yield from self._live.writer.put(*self.deletion(child))
            node.detach(event.name)
        elif event.mask & Mask.MOVED_TO and event.cookie in moved:
            child = moved.pop(event.cookie)
            child.name, child.parent = event.name, node
            node.attach(child)
            yield from self.tell_known(child)
        else:
            yield from super()._handle_directory(node, event)

    @staticmethod
    def deletion(node):
        return DELETE, [row(node.path, gone_now(is_directory=True))]

    def tell_known(self, top):
        for node in top.below():
            for name in (None, *node.names()):
                place = Path(self._live.raw_path(node), *([name] if name else []))
                path = node.path + (f"/{text_of(name)}" if name else "")
                try:
                    status = place.lstat()
                except OSError:
                    continue
                yield from self._live.writer.put(UPSERT, [row(path, status)])


class PairingDriver(FsDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        stream = PairingStream(
            self._scope,
            self._params,
            self._counters,
            retries=(1, 0.1),
            stop=self._stop(kwargs),
            sent=self._memory.note,
        )
        self._streams.add(stream)
        return stream


@pytest.mark.chaos
def test_renames_paired_without_a_new_look_are_found_out(base, worker, host):
    found = []

    class PairingHost(host):
        def make_driver(self, config):
            return PairingDriver("pairing", config)

    for seed in range(5):
        print(f"seed {seed}")
        with PairingHost(base / "root") as running, worker(base, seed, 4000) as finish:
            running.snapshot()
            finish()
            try:
                running.until_equal(3)
            except AssertionError as error:
                found.append(str(error).partition("\n")[0])
                break
    print(found)
    assert found


@pytest.mark.full
@pytest.mark.parametrize("peer", ["watchdog==7.1.0", "watchfiles==1.3.0"])
def test_other_watchers_are_found_out(base, worker, remote_host, peer):
    if (
        shutil.which("uv") is None
        or subprocess.run(
            ["uv", "run", "--no-project", "--with", peer, "python", "-c", ""], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip(f"{peer} cannot be installed here")
    found = []
    for seed in range(3):
        print(f"seed {seed}")
        running = remote_host(base / "root")
        running.log = subprocess.DEVNULL
        running.command = [
            "uv", "run", "--no-project", "--with", peer, "python", str(PEER), str(base / "root"), peer.partition("=")[0]
        ]  # fmt: skip
        with running, worker(base, seed, 4000) as finish:
            running.view.snapshot_end()
            finish()
            try:
                running.until_equal(5)
            except AssertionError as error:
                found.append(str(error).partition("\n")[0])
                break
    print(found)
    assert found
