"""The view equals the world, whatever the interleaving: random histories of an ideal source."""

import pytest
import view_variants
from view_history import failure_of, make_history, shrink

from fustor_conformance.view import View

PLAIN = 300
FULL = 20_000
TEETH = 3_000
RARE = {
    "DeleteMarkHoldsForItsPathOnly": 880,
    "EarlierSessionOutranksInPartials": 2_429,
    "IgnoredAuditRowSupplies": 1_868,
    "LaterUpsertLiftsTheMarkBelow": 951,
}
"""The first history that tells such a view from the view: it is tried first."""

# What only an imperfect source or host brings out; each has a test of its own beside its clause.
NEEDS_A_FAULT = {
    "AuditDeletionLeavesAMark",
    "AuditNeedsNoStart",
    "AuditOutlivesItsSession",
    "ChangeOfKindLeavesWhatIsBelow",
    "CompensatingDeletesCount",
    "DeleteForgetsNothing",
    "IgnoredAuditRowIsNotReported",
    "SuppliesAfterADelete",
    "UpsertOfAFileHoldsForItsPathOnly",
}

VARIANTS = [
    kind
    for name, kind in vars(view_variants).items()
    if isinstance(kind, type) and issubclass(kind, View) and kind is not View and not name.startswith("_")
]


def expect_no_failure(seeds):
    for seed in seeds:
        if failure_of(make_history(seed)) is not None:
            history = shrink(make_history(seed))
            pytest.fail(f"Seed {seed} fails: {failure_of(history)}\n{history}")


@pytest.mark.parametrize("start", range(0, PLAIN, 100))
def test_the_view_equals_the_world(start):
    expect_no_failure(range(start, start + 100))


@pytest.mark.full
@pytest.mark.parametrize("start", range(PLAIN, FULL, 1_000))
def test_the_view_equals_the_world_in_many_histories(start):
    expect_no_failure(range(start, min(start + 1_000, FULL)))


@pytest.mark.full
def test_long_histories_end_equal_too():
    for seed in range(1_000):
        failure = failure_of(make_history(seed, length=1_000))
        assert failure is None, f"Seed {seed}, 1000 actions: {failure}"


@pytest.mark.mutants
@pytest.mark.parametrize("variant", [kind for kind in VARIANTS if kind.__name__ not in NEEDS_A_FAULT])
def test_a_view_that_lacks_a_clause_is_told_from_the_view(variant):
    seeds = (RARE.get(variant.__name__, 0), *range(TEETH))
    failing = (seed for seed in seeds if failure_of(make_history(seed), variant) is not None)
    assert next(failing, None) is not None, f"{variant.__name__} passes {TEETH} histories"
