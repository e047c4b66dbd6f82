"""An installation of fustor-new with a template of its own: copied, not built."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from repository import ROOT


class Installation:
    """A copy of the command and its template in a folder."""

    def __init__(self, folder: Path) -> None:
        """Copy today's."""
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src" / "fustor_new", folder / "fustor_new", ignore=ignored)
        shutil.copytree(ROOT / "templates", self.templates, ignore=ignored)

    @property
    def templates(self) -> Path:
        """The directory of the template, as in a wheel."""
        return self.folder / "fustor_new" / "templates"

    def python(
        self, *arguments: str | Path, code: int = 0, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with this installation, without any other command on PATH."""
        environment = {key: value for key, value in os.environ.items() if key not in {"PATH", "VIRTUAL_ENV"}}
        environment |= {"PYTHONPATH": str(self.folder), "PATH": str(self.folder / "no-commands")}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"  # two versions within a second have the same time and size
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=cwd or self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done


__all__ = ["Installation"]
