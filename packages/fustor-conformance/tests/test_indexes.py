import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Kind, subject_of_class
from fustor_conformance.checks import find_check
from fustor_conformance.outcome import Broken


class ComesBackToAnIndex(MemoryDriver):
    """Every third event has the index of the one before the last."""

    def index(self, change):
        return change.index - 2 * (change.index % 3 == 0)


@pytest.mark.parametrize("rule_id", ["I01", "I02"])
def test_an_index_that_comes_again_later_breaks_both_rules(rule_id):
    with pytest.raises(Broken):
        find_check(rule_id, Kind.SOURCE)(subject_of_class(Kind.SOURCE, ComesBackToAnIndex, MemoryWorld))
