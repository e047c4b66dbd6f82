"""What pusher-fs has written, as somebody knows it who has read all of it."""

from collections.abc import Iterable

from fustor_conformance.view import View
from fustor_pusher_fs import CommittedBatch


def replayed(batches: Iterable[CommittedBatch]) -> View:
    """What a consumer of the contract holds of these batches."""
    view, session = View(), None
    for batch in batches:
        if batch.session_id != session:
            session = batch.session_id
            view.begin_session(session)
        for event in batch.events:
            view.apply(event)
        if batch.is_snapshot_end:
            view.snapshot_end()
    return view
