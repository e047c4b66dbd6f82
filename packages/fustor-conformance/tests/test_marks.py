import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Kind, subject_of_class
from fustor_conformance.checks import find_check
from fustor_conformance.outcome import Broken


class MarksWhatItLists(MemoryDriver):
    """A source without audits, whose snapshot marks every container."""

    capabilities = MemoryDriver.capabilities - {"get_audit_iterator"}

    def snapshot_container(self, system, container, pending):
        for path, node, skipped in super().snapshot_container(system, container, pending):
            yield path, node, skipped or (node is not None and node.directory)


def test_a_snapshot_marks_only_what_it_could_not_list():
    with pytest.raises(Broken, match="others are marked too"):
        find_check("S04", Kind.SOURCE)(subject_of_class(Kind.SOURCE, MarksWhatItLists, MemoryWorld))
