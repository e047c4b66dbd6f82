"""The pytest runs that tests start."""

import subprocess
import sys
from pathlib import Path


def test_a_run_within_removes_nothing_that_another_run_has_left(tmp_path, tmp_path_factory):
    (tmp_path / "test_it.py").write_text("def test_it(tmp_path):\n    print(tmp_path)\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-s", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert Path(done.stdout.splitlines()[0]).is_relative_to(tmp_path_factory.getbasetemp())
