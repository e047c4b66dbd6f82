"""A distribution that does not work alone stops a release."""

import sys

import pytest

from release.alone import try_each
from release.errors import ReleaseError
from release.index import write_index
from release.projects import Project
from release.serving import served

pytestmark = pytest.mark.wide

COMMAND = "import sys\ndef main():\n    print('tiny', '1.0.0')\n"
POINTS = "[console_scripts]\ntiny = fustor_tiny:main\n[fustor.drivers.sources]\ntiny = fustor_tiny:main\n"
BROKEN = {
    "no module": ({"fustor_tiny/__init__.py": "import nothing_like_this"}, "nothing_like_this"),
    "a warning": ({"fustor_tiny/__init__.py": "import warnings; warnings.warn('old')"}, "UserWarning"),
    "no entry": ({"fustor_tiny/__init__.py": ""}, "has no attribute 'main'"),
    "another version": ({"fustor_tiny/__init__.py": COMMAND.replace("1.0.0", "0.9.0")}, "tiny --version"),
    "a command that fails": ({"fustor_tiny/__init__.py": "import sys\ndef main(): sys.exit(3)"}, "ended with 3"),
}


def tried(tmp_path, name="fustor-tiny"):
    """Try a tiny distribution from an index over loopback."""
    write_index(tmp_path / "site")
    (tmp_path / "constraints.txt").touch()
    project = Project(tmp_path, name, tmp_path, "1.0.0")
    with served(tmp_path / "site") as address:
        return try_each([project], address, tmp_path / "constraints.txt", tmp_path / "environments")


def test_what_works_is_imported_loaded_and_run(wheel, tmp_path):
    wheel(files={"fustor_tiny/__init__.py": COMMAND, "entry_points.txt": POINTS})
    assert tried(tmp_path) == ["fustor-tiny: imported, 1 entry points loaded, 1 commands run"]


@pytest.mark.parametrize(("files", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_what_does_not_work_is_said(wheel, tmp_path, files, said):
    wheel(files={"entry_points.txt": POINTS, **files})
    with pytest.raises(ReleaseError, match=said):
        tried(tmp_path)


def test_what_is_not_in_the_index_is_said(wheel, tmp_path):
    wheel(version="0.9.0")
    with pytest.raises(ReleaseError, match=r"fustor-tiny==1\.0\.0"):
        tried(tmp_path)


def test_what_a_world_needs_is_there_with_the_extra_for_tests_alone(wheel, tmp_path):
    wheel("fustor-helper")
    points = "[fustor.conformance.worlds]\ntiny = fustor_tiny.testing\n"
    files = {"entry_points.txt": points, "fustor_tiny/testing.py": "import fustor_helper"}
    wheel(files=files, Provides_Extra="test", Requires_Dist="fustor-helper; extra == 'test'")
    assert "1 entry points loaded" in tried(tmp_path)[0]
    assert sys.modules.get("fustor_helper") is None


def test_a_bridge_is_installed_without_its_engine(wheel, tmp_path):
    wheel("pyspark-fustor", Requires_Dist="no-such-engine")
    assert tried(tmp_path, "pyspark-fustor") == ["pyspark-fustor: installed without its engine"]
