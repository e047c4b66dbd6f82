"""An update that fails or is killed at any step: all of it or nothing, now or with the next run."""

import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faults import FAULTS
from updates import contents, current, package

from fustor_new.changes.apply import apply, recover
from fustor_new.commands.update import plan_update
from fustor_new.template.revision import revise

pytestmark = [pytest.mark.wide, pytest.mark.usefixtures("later_here")]

CHILD = Path(__file__).with_name("update_child.py")
README, DRIVER = "README.md", "src/fustor_source_redis/driver.py"
LOCKED, STEPS, DEADLINE_SEC = 2, 8, 60


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
    act, expected = FAULTS[kind]
    for number in range(STEPS):
        steps = iter([None] * number + [act])
        with pytest.raises(expected):
            apply(plan, fault=lambda _, steps=steps: (next(steps, None) or (lambda: None))())
        assert snapshot(driver) == before, number
    apply(plan)
    assert snapshot(driver) != before


@pytest.mark.parametrize("number", range(STEPS))
def test_after_kill_9_the_next_run_finishes_or_undoes(driver, snapshot, number):
    before = snapshot(driver)
    plan = pickle.dumps(plan_update(driver, [revise(driver)]))
    command = [sys.executable, CHILD, str(number)]
    killed = subprocess.run(command, input=plan, check=False, timeout=DEADLINE_SEC)
    assert killed.returncode == -signal.SIGKILL
    messages = recover(driver)
    assert [message.split()[0] for message in messages] == ["Undid" if number <= LOCKED else "Finished"] * (number > 1)
    if number <= LOCKED:
        assert snapshot(driver) == before
    else:
        assert b">>>>>>> template" in (driver / README).read_bytes()
        edited = (README, DRIVER)
        expected = {path: content.data for path, content in current().items() if path not in edited}
        assert {path: data for path, data in contents(driver).items() if path not in edited} == expected
        assert revise(driver).files == ()
    assert (driver / DRIVER).read_bytes().endswith(b"\n# mine\n")
    assert recover(driver) == []
