"""A tree, the agent that watches it and the view that shows it."""

import os
import threading
from contextlib import contextmanager

from hosts.waiting import eventually

SETTLE_SEC = 40
AUDIT_SEC = 40
_SHOWN = 6
_TIME_SEC = 0.001


def world(root):
    """Every path below `root` as the view writes it, found by `os.scandir` alone."""
    found, todo = {"/": (True, None, None)}, [os.fspath(root)]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                is_directory = entry.is_dir(follow_symlinks=False)
                status = entry.stat(follow_symlinks=False)
                path = entry.path[len(os.fspath(root)) :]
                found[path] = (is_directory, status.st_size, status.st_mtime)
                if is_directory:
                    todo.append(entry.path)
    return found


def differences(seen, real):
    """What the view lacks, what it has too much, and which files it shows as they are no longer."""
    return {
        "missing": sorted(real.keys() - seen.keys()),
        "ghosts": sorted(seen.keys() - real.keys()),
        "stale": sorted(path for path in real.keys() & seen.keys() if _differ(seen[path], real[path])),
    }


def _differ(seen, real):
    """A directory's time and size are nobody's promise; its kind is."""
    if seen[0] or real[0]:
        return seen[0] != real[0]
    return seen[1] != real[1] or abs(seen[2] - real[2]) > _TIME_SEC


class Pair:
    """An agent of release 0.8 and Fusion, with a tree between them."""

    def __init__(self, root, agent, fusion):
        self.root, self.agent, self.fusion = root, agent, fusion
        self.running = None

    def configure(self, **driver_params):
        """Write the agent's configuration; the audit's interval is Fusion's business."""
        params = {"settle_sec": 0.1, **driver_params}
        source = {"driver": "fs", "uri": self.root.as_uri(), "driver_params": params}
        again = {"error_retry_interval": 0.5, "max_backoff_seconds": 1.0}
        self.agent.configure(source=source, pusher=self.fusion.sender, pipe=again)

    @contextmanager
    def live(self, **driver_params):
        """Both run while the block does."""
        self.configure(**driver_params)
        self.fusion.start()
        try:
            self.start()
            yield self
            self.stop()
        finally:
            self.end()

    def end(self):
        """End both, whatever state they are in."""
        if self.running is not None and self.running.process.poll() is None:
            self.running.kill()
        self.fusion.stop()

    def start(self):
        """Start the agent."""
        self.running = self.agent.start()

    def stop(self):
        """Stop the agent as Ctrl-C does, if it runs."""
        if self.running is not None and self.running.process.poll() is None:
            self.running.stop()

    def difference(self):
        """How the view differs from the world now; None while it is not ready."""
        seen = self.fusion.tree()
        return None if seen is None else differences(seen, world(self.root))

    def is_exact(self):
        """Whether the view is the world."""
        found = self.difference()
        return found is not None and not any(found.values())

    def settles(self, seconds=SETTLE_SEC):
        """Wait until the view is the world."""
        if not eventually(self.is_exact, seconds):
            found = self.difference() or {"the view": ["is not ready"]}
            shown = {what: (len(paths), paths[:_SHOWN]) for what, paths in found.items()}
            raise AssertionError(f"{shown}\n" + "\n".join(self.running.log()[-30:]))

    def audited(self):
        """Wait until an audit that begins from now on has ended: one may be under way, the next is whole."""
        before = self.fusion.audits()
        assert eventually(lambda: self.fusion.audits() >= before + 2, AUDIT_SEC), self.fusion.log()[-20:]

    @contextmanager
    def nothing_live_goes(self):
        """Look at the view all the while, and demand that no path leaves it that is still there.

        A path that goes and comes back within the block would be taken for one that stayed.
        """
        gone, stop = set(), threading.Event()
        watcher = threading.Thread(target=self._watch, args=(gone, stop))
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
        assert not gone, f"{len(gone)} paths left the view and are there: {sorted(gone)[:_SHOWN]}"

    def _watch(self, gone, stop):
        before = {}
        while not stop.wait(0.25):
            now = self.fusion.tree() or {}
            left = before.keys() - now.keys()
            gone |= {path for path in left if os.path.lexists(f"{self.root}{path}")}
            before = now
