"""A wheel of what is installed, for another environment."""

import subprocess
import sys
import zipfile
from importlib.metadata import distribution

import pytest

from fustor_driver.agents.environments import family_of, wheels_of


def test_an_installed_wheel_is_put_together_again(tmp_path):
    (wheel,) = wheels_of([distribution("annotated-types")], tmp_path)
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"annotated_types/__init__.py", "annotated_types/py.typed"} <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(("INSTALLER", "REQUESTED"))]
    target = tmp_path / "target"
    install = ["uv", "pip", "install", "-q", "--offline", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run([*install, "--python", sys.executable], check=True)
    assert (target / "annotated_types" / "__init__.py").read_bytes()


@pytest.mark.parametrize(
    ("names", "gone"),
    [
        (["fustor-source-fs"], ["fustor-event-model", "fustor-source-fs"]),
        (["Typing_Inspection"], ["typing-inspection"]),  # a driver may be called as it likes
    ],
)
def test_what_goes_to_an_agent_is_the_driver_and_what_it_needs_of_this_project(names, gone):
    assert [dist.name for dist in family_of(names)] == gone
