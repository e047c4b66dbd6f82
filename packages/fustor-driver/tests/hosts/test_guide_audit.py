"""What the guide host promises about audits."""

import threading

import pytest

from fustor_core.exceptions import DriverError
from fustor_driver.errors import NotConformant
from fustor_event_model import LifecycleSignal, MessageSource
from fustor_try.scripted import event, signal

SNAPSHOT, AUDIT = MessageSource.SNAPSHOT, MessageSource.AUDIT
START, END = LifecycleSignal.AUDIT_START, LifecycleSignal.AUDIT_END


def _audit(*paths):
    return lambda: iter([signal(START), *(event(path, AUDIT) for path in paths), signal(END)])


def test_no_audit_starts_before_the_end_of_the_snapshot(run, source, pusher):
    go_on = threading.Event()

    def snapshot():
        yield event("/a", SNAPSHOT)
        go_on.wait(5)

    def answer(batch):
        if batch.phase == "snapshot" and batch.paths:
            threading.Timer(0.05, go_on.set).start()

    pusher.answer = answer
    source.snapshot = snapshot
    source.audit = _audit("/a")
    run(lambda: END in pusher.signals(), audit_interval_sec=0.001)
    phases = [batch.phase for batch in pusher.taken if batch.phase != "realtime"]
    assert phases.index("audit") > max(at for at, phase in enumerate(phases) if phase == "snapshot")


def test_nothing_is_listed_before_the_push_of_audit_start_has_returned(run, source, pusher):
    taken_when_listed = []

    def audit():
        yield signal(START)
        taken_when_listed.append(pusher.signals())
        yield event("/a", AUDIT)
        yield event("/", AUDIT)
        yield signal(END)

    source.audit = audit
    run(lambda: END in pusher.signals(), audit_interval_sec=0.001)
    assert taken_when_listed[0] == [START]
    audits = [batch for batch in pusher.taken if batch.phase == "audit"]
    end = next(at for at, batch in enumerate(audits) if batch.signal is END)
    assert [path for batch in audits[:end] for path in batch.paths] == ["/a", "/"], "the end comes after all rows"


@pytest.mark.parametrize("fault", ["refused", "broken off"])
def test_an_audit_with_a_hole_in_it_has_no_end(fault, run, source, pusher):
    def answer(batch):
        if "/refused" in batch.paths:
            raise DriverError("Cannot be kept")

    def audit():
        yield signal(START)
        yield event(f"/{fault}", AUDIT)
        if fault == "broken off":
            raise DriverError("Broken off")
        yield signal(END)

    pusher.answer = answer
    source.audit = audit
    run(lambda: pusher.signals().count(START) > 1, audit_interval_sec=0.001)
    assert END not in pusher.signals()


def test_an_audit_gives_way_to_a_new_session(run, source, pusher):
    asked = []

    def audit():
        yield signal(START)
        if not asked:
            source.changes.put(event("/wish", index=1))
            while True:
                yield event("/a", AUDIT)
        yield signal(END)

    def answer(batch):
        if batch.paths == ("/wish",):
            asked.append(batch)
            return {"snapshot_needed": True}
        return None

    pusher.answer = answer
    source.audit = audit
    run(lambda: END in pusher.signals(), audit_interval_sec=0.001)
    ends = [batch.session for batch in pusher.taken if batch.signal is END]
    assert set(ends) == {"session-2"}


def test_an_audit_in_the_other_dialect_is_named(run, source):
    source.audit = lambda: iter([(None, {"/": 1.0})])
    with pytest.raises(NotConformant, match="must yield plain events"):
        run(lambda: False, audit_interval_sec=0.001)
