"""The first event of a stream, which agent 0.2 may lose and agent 0.8 delivers."""

import pytest

from fustor_conformance.agents import Agent02
from fustor_core.models.config import SourceConfig
from fustor_event_model import MessageSource
from fustor_source_fs import FsDriver


@pytest.mark.parametrize(("asked", "is_empty"), [(None, True), (-1, True), (7, True), (0, False)])
def test_it_has_no_rows_unless_the_host_begins_at_0(root, make_driver, asked, is_empty):
    driver = make_driver()
    if asked is not None:
        driver.is_position_available(asked)
    stream = driver.get_message_iterator()
    (root / "file").write_bytes(b"")
    first = next(stream)
    assert (first.index, first.message_source, not first.rows) == (-1, MessageSource.REALTIME, is_empty)


def test_agent_02_delivers_the_first_change(root):
    config = SourceConfig(driver="fs", uri=str(root))
    with Agent02(FsDriver, config) as agent:
        assert agent.wait_for(lambda told: any(event.table == "initial_trigger" for event in told.events()))
        (root / "file").write_bytes(b"")
        assert agent.wait_for(lambda told: "/file" in {row["path"] for event in told.events() for row in event.rows})
    assert not [event for event in agent.transcript.swallowed_by_host if event.rows]
