"""Fusion as a process of its own, and what its view shows over HTTP."""

import json
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from hosts.waiting import eventually

from fustor_driver.agents.outside import clean, free_port

START_SEC = 60
STOP_SEC = 20
VIEW = "v1"


class Fusion:
    """One view of one tree. `audit_sec` is what the agent is told, `timeout_sec` how long a session may be silent."""

    def __init__(self, python, home, *, audit_sec=2.0, timeout_sec=30):
        self.home = home
        self._python = python
        self._receiver, self._manager = free_port(), free_port()
        self._process = None
        (home / "fusion-config").mkdir(parents=True)
        (home / "fusion-config" / "default.yaml").write_text(json.dumps(self._configured(audit_sec, timeout_sec)))

    def _configured(self, audit_sec, timeout_sec):
        keys = [{"key": "writes", "pipe_id": "ingest"}]
        receiver = {"driver": "http", "bind_host": "127.0.0.1", "port": self._receiver, "api_keys": keys}
        pipe = {
            "receiver": "http-main",
            "views": [VIEW],
            "audit_interval_sec": audit_sec,
            "sentinel_interval_sec": 0,
            "session_timeout_seconds": timeout_sec,
        }
        view = {"driver": "fs", "api_keys": ["reads"]}
        return {"receivers": {"http-main": receiver}, "views": {VIEW: view}, "pipes": {"ingest": pipe}}

    @property
    def sender(self):
        """What leads an agent here."""
        return {
            "driver": "fusion",
            "endpoint": f"http://127.0.0.1:{self._receiver}",
            "credential": {"key": "writes"},
        }

    def start(self):
        """Start, and return once it answers."""
        command = [str(self._python.with_name("fustor-fusion")), "start", "-p", str(self._manager), "-h", "127.0.0.1"]
        with (self.home / "output").open("ab") as output:
            env = clean(FUSTOR_HOME=str(self.home))
            self._process = subprocess.Popen(command, cwd=self.home, env=env, stdout=output, stderr=output)
        answers = lambda: self._ask("tree")[0] is not None or self._process.poll() is not None  # noqa: E731 - used once
        assert eventually(answers, START_SEC), self.log()[-20:]
        assert self._process.poll() is None, self.log()[-20:]
        return self

    def stop(self):
        """Stop as Ctrl-C does."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SEC)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def log(self):
        """The lines that it has printed."""
        return (self.home / "output").read_text(errors="replace").splitlines()

    def sessions(self):
        """Of how many sessions it has taken something."""
        return len(set(re.findall(r"ingested: .*session=(\w+)", "\n".join(self.log()))))

    def tree(self, path="/", **options):
        """Each path with whether it is a directory, its size and its time; None while the view is not ready."""
        status, told = self._ask("tree", path=path, **options)
        if status != 200:
            return None
        found, todo = {}, [told]
        while todo:
            node = todo.pop()
            todo += node.get("children", ())
            is_directory = node["content_type"] == "directory"
            found[node["path"]] = (is_directory, node.get("size"), node.get("modified_time"))
        return found

    def audits(self):
        """How many audits have ended."""
        status, told = self._ask("stats")
        return told["audit_cycle_count"] if status == 200 else 0

    def _ask(self, what, **options):
        """The status and the answer; no status if nobody answers."""
        address = f"http://127.0.0.1:{self._manager}/api/v1/views/{VIEW}/{what}?{urllib.parse.urlencode(options)}"
        request = urllib.request.Request(address, headers={"X-API-Key": "reads"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http, as built above
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as err:
            with err:
                return err.code, None
        except OSError:
            return None, None
