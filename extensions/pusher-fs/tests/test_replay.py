"""A view that is replayed from the files knows what one knows that saw the events pass by."""

import random

import pytest

from fustor_conformance.view import View
from fustor_event_model import DeleteEvent


class Host:
    """Pushes to the log and tells the same to a view, session by session."""

    def __init__(self, log, event, chance):
        self.log, self.event, self.chance = log, event, chance
        self.view = View()
        self.index = 0
        self.view.begin_session(log.session.id)

    def tell(self, *events, end=False):
        self.log.push(*events, end=end)
        for event in events:
            self.view.apply(event)
        if end:
            self.view.snapshot_end()

    def snapshot(self):
        for number in self.chance.sample(range(20), 8):
            self.tell(self.event(number, "snapshot"))
            self.realtime()
        self.tell(end=True)

    def realtime(self):
        self.index += 1
        event = self.event(self.chance.randrange(20), index=self.index)
        if self.chance.random() < 0.4:
            event = DeleteEvent(**{**event.model_dump(), "event_type": "delete"})
        self.tell(event)

    def audit(self):
        self.tell(self.event(0, "audit", rows=[], fields=[], signal="Audit-Start"))
        for number in self.chance.sample(range(20), 10):
            self.tell(self.event(number, "audit"))
            self.realtime()
        root = {"path": "/", "mtime": 0.0, "size": 0, "parent_mtime": 0.0, "parent_path": "", "is_directory": True}
        self.tell(self.event(0, "audit", rows=[root], fields=list(root)))
        self.tell(self.event(0, "audit", rows=[], fields=[], signal="Audit-End"))

    def restart(self, name):
        self.log.new_session(name)
        resumes = self.chance.random() < 0.5
        self.view.begin_session(name, self.log.log.committed if resumes else -1)
        if not resumes:
            self.snapshot()


@pytest.mark.parametrize("seed", range(8))
def test_the_files_tell_what_the_stream_told(open_log, event, replay, seed):
    host = Host(open_log(segment_max_bytes=4_000), event, random.Random(seed))
    host.snapshot()
    for number in range(3):
        host.realtime()
        host.audit()
        host.restart(f"restart-{number}")
    host.audit()
    replayed = replay(host.log.directory)
    assert replayed.rows() == host.view.rows()
    assert replayed.blind_spots == host.view.blind_spots
    assert replayed.suspects == host.view.suspects
    assert len(replayed.rows()) > 3
