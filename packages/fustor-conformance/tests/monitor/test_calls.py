"""Each call by itself."""

import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver
from pydantic import ValidationError

from fustor_conformance.monitor import observed
from fustor_conformance.monitor.calls import granted, raised
from fustor_core.models.config import SourceConfig
from fustor_event_model import UpdateEvent


@pytest.mark.parametrize(
    ("answered", "is_transient", "found"), [(True, True, 1), (False, True, 0), (True, False, 0), (False, False, 0)]
)
def test_a_source_that_keeps_nothing_grants_no_position(answered, is_transient, found):
    assert len(list(granted(7, answered, is_transient=is_transient))) == found


class Transient(MemoryDriver):
    @property
    def is_transient(self):
        return True


class Unsure(MemoryDriver):
    @property
    def is_transient(self):
        raise ValueError("Nobody knows")


Transient.__module__ = Unsure.__module__ = "kit_somewhere_else"


@pytest.mark.parametrize(("driver", "rules"), [(Transient, ["C07"]), (Unsure, [])])
def test_a_position_that_is_granted_is_heard_wherever_it_is_asked_for(driver, rules):
    with MemoryWorld() as world, observed(driver) as monitor:
        world.create("a")
        instance = driver("kit", SourceConfig.model_validate(world.config()))
        assert instance.is_position_available(2)
        assert instance.is_position_available(position=2)
    found = [finding for finding in monitor.findings if finding.rule_id != "C15"]
    assert sorted({finding.rule_id for finding in found}) == rules
    assert all("is_position_available(2)" in finding.seen for finding in found)


def test_an_event_that_cannot_be_made_is_an_event_rules_matter_and_says_why_in_one_line():
    with pytest.raises(ValidationError) as refused:
        UpdateEvent(fields=["path"], rows=[{"path": "/a"}], event_schema="s", table="t", message_source="snapshot")
    (finding,) = raised("the iterator of snapshot events", refused.value)
    assert (finding.rule_id, "\n" in finding.seen) == ("E01", False)
    assert "cannot make its UpdateEvent: An event of 'snapshot' rows needs" in finding.seen
