"""R08 fills the agent's bus, however many events a source makes of one change."""

import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Kind, subject_of_class
from fustor_conformance.checks import find_check
from fustor_conformance.subject import Options


class TellsInFourEvents(MemoryDriver):
    """As a source of files does that sees each step of a new one: made, written, closed, and its container changed."""

    def messages(self, change):
        for event in super().messages(change):
            for step in range(4):
                yield event.model_copy(update={"index": 4 * event.index + step, "rows": [dict(r) for r in event.rows]})


@pytest.mark.parametrize("driver", [MemoryDriver, TellsInFourEvents])
def test_a_source_that_waits_is_in_order_with_any_number_of_events_a_change(driver):
    subject = subject_of_class(Kind.SOURCE, driver, MemoryWorld, options=Options(patience_sec=2))
    assert find_check("R08", Kind.SOURCE)(subject) > 0
