"""Events made to order."""

from fustor_event_model import DeleteEvent, LifecycleSignal, MessageSource, UpdateEvent

REALTIME, SNAPSHOT, AUDIT = MessageSource.REALTIME, MessageSource.SNAPSHOT, MessageSource.AUDIT


def rows_of(paths, mtime, more):
    return [{"path": path, "mtime": mtime, "size": 1, "parent_mtime": 0.0, **more} for path in paths]


def event(source, rows, *, model=UpdateEvent, index=-1, home=("fs", "")):
    fields = ["path", "mtime", "size", "parent_mtime"]
    return model(fields=fields, rows=rows, index=index, event_schema=home[0], table=home[1], message_source=source)


def upsert(*paths, source=REALTIME, mtime=1.0, index=-1, home=("fs", ""), model=UpdateEvent, **more):
    return event(source, rows_of(paths, mtime, more), index=index, home=home, model=model)


def delete(*paths, source=REALTIME, mtime=1.0, index=-1, home=("fs", "")):
    return event(source, rows_of(paths, mtime, {"size": None}), index=index, home=home, model=DeleteEvent)


def record(key, told, *, model=UpdateEvent, home=("public", "users"), source=REALTIME, **more):
    row = {"path": f"/{home[0]}/{home[1]}/{key}", "mtime": 1.0, "size": 1, "parent_mtime": 0.0, "record": told, **more}
    return event(source, [row], home=home, model=model)


def signal(which):
    return UpdateEvent(fields=[], rows=[], event_schema="fs", table="", message_source=AUDIT, signal=which)


AUDIT_START, AUDIT_END = signal(LifecycleSignal.AUDIT_START), signal(LifecycleSignal.AUDIT_END)
