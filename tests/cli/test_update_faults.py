"""An update that fails or is killed at any step: all of it or nothing, now or with the next run."""

import pytest
from faults import FAULTS, failing
from kills import kill_at, verbs_after
from updates import contents, current, package

from fustor_new.changes.apply import apply, recover
from fustor_new.commands.update import plan_update
from fustor_new.errors import MergeConflict
from fustor_new.template.revision import revise

pytestmark = [pytest.mark.wide, pytest.mark.usefixtures("later_here")]

README, DRIVER = "README.md", "src/fustor_source_redis/driver.py"
STEPS = [
    "lock the root",
    "create the stage",
    "write the journal",
    "replace .copier-answers.yml",
    "replace README.md",
    "replace fustor.yaml",
    "replace test_conformance.py",
    "remove the stage",
]


@pytest.fixture
def driver(tmp_path):
    """A package that is edited by its author, with a conflict to come."""
    folder = package(tmp_path / "redis")
    with (folder / README).open("a") as file:
        file.write("\nmine\n")
    with (folder / DRIVER).open("a") as file:
        file.write("\n# mine\n")
    return folder


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_at_any_step_leaves_the_package_as_it_was(driver, snapshot, kind):
    before, plan = snapshot(driver), plan_update(driver, [revise(driver)])
    reached = []
    for step in failing(lambda fault: apply(plan, fault=fault), *FAULTS[kind]):
        assert snapshot(driver) == before, step
        reached.append(step)
    assert reached == STEPS
    assert snapshot(driver) != before


@pytest.mark.parametrize("step", STEPS)
def test_after_kill_9_the_next_run_finishes_or_undoes(driver, snapshot, step):
    before = snapshot(driver)
    kill_at(step, plan_update(driver, [revise(driver)]))
    messages = recover(driver)
    assert [message.split()[0] for message in messages] == verbs_after(step, STEPS)
    if verbs_after(step, STEPS) != ["Finished"]:
        assert snapshot(driver) == before
    else:
        assert b">>>>>>> template" in (driver / README).read_bytes()
        edited = (README, DRIVER)
        expected = {path: content.data for path, content in current().items() if path not in edited}
        assert {path: data for path, data in contents(driver).items() if path not in edited} == expected
        with pytest.raises(MergeConflict, match="still has the marks of a conflict"):
            revise(driver)
    assert (driver / DRIVER).read_bytes().endswith(b"\n# mine\n")
    assert recover(driver) == []
