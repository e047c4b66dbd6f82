import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Kind, subject_of_class
from fustor_conformance._histories import _shrink, run_histories
from fustor_conformance.subject import Options


@pytest.mark.parametrize("needed", [{3}, {0, 29}, {7, 8, 20}, set(range(0, 30, 5))])
def test_a_failing_history_is_cut_to_what_it_needs(needed):
    steps = [("step", number) for number in range(30)]
    shortest = _shrink(steps, lambda kept: needed <= {number for _, number in kept})
    assert {number for _, number in shortest} == needed


def test_histories_are_all_different_and_as_many_as_asked():
    options = Options(histories=7, seed=5)
    assert run_histories(subject_of_class(Kind.SOURCE, MemoryDriver, MemoryWorld, options=options)) == 7


@pytest.mark.full
def test_two_hundred_histories_of_the_reference_source_end_well():
    options = Options(histories=200, seed=2)
    assert run_histories(subject_of_class(Kind.SOURCE, MemoryDriver, MemoryWorld, options=options)) == 200
