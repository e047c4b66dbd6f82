"""One look at where the contract packages are to come from, before anything is written: does it have them?"""

import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fustor_new.errors import EnvironmentProblem
from fustor_new.template.contract_source import CONTRACT_PACKAGES, ContractSource

__all__ = ["look_at"]

_TIMEOUT_SEC = 20
_CARRIED = "without --contract-source a project of its own carries what it needs"
_WAY_OUT = "`fustor-new update --contract-source vendor` in it lets it carry them"
_NO_SUCH_REF = 2
_COMMIT = re.compile("[0-9a-f]{7,40}")


@lru_cache(maxsize=1)  # what comes after creation asks once more
def look_at(text: str, folder: Path, workspace: Path | None) -> str:
    """Return what to tell of a source that serves here alone, or may not have the packages; else an empty text.

    Args:
        text: what was said; an index is asked through uv, a git address through git, the others are read later.
        folder: where the drivers will be.
        workspace: the root of the workspace there, whose configuration of uv counts; a project of its own has its own.

    Raises:
        UsageProblem: `text` is not a contract source.
        EnvironmentProblem: the packages are not there.
    """
    if text in {"", "vendor", "workspace"}:
        return ""
    source = ContractSource.parse(text, project=folder)
    try:
        if source.kind == "index":
            with TemporaryDirectory(prefix="fustor-new-") as nowhere:
                return _look_at_index(workspace or Path(nowhere))
        if source.kind == "directory" and workspace is None:
            return f"A project that takes the contract packages from {text!r} works on this machine only; {_WAY_OUT}"
        return _look_at_git(source) if source.kind == "git" else ""
    except (FileNotFoundError, PermissionError) as err:
        return f"Nobody can say whether the contract packages are there, since {err.filename!r} is not on PATH"
    except subprocess.TimeoutExpired as err:
        return f"{source.location or 'The index'!r} did not answer in {err.timeout:g} s; {_CARRIED}"


def _look_at_index(folder: Path) -> str:
    wanted = "".join(f"{name}>=1\n" for name in CONTRACT_PACKAGES)
    done = _run(["uv", "pip", "compile", "--quiet", "--no-deps", "--no-header", "-"], folder, wanted)
    if done.returncode == 0:
        return ""
    said = " ".join(done.stderr.split())
    if "No solution found" in said and "network" not in said:
        raise EnvironmentProblem(
            f"The index does not have the contract packages yet, so neither tests nor an installation could work: "
            f"{_CARRIED} ({_reason(said)})"
        )
    return f"The index could not be asked for the contract packages ({said[-200:]}); {_CARRIED}"


def _reason(said: str) -> str:
    _, _, reason = said.partition("Because ")
    return reason.partition(", we can conclude")[0] or said


def _look_at_git(source: ContractSource) -> str:
    refs = [source.ref] if source.ref and not _COMMIT.fullmatch(source.ref) else ["HEAD"]
    done = _run(["git", "ls-remote", "--quiet", "--exit-code", "--", source.location, *refs], Path.cwd(), "")
    if done.returncode == _NO_SUCH_REF:
        raise EnvironmentProblem(
            f"{source.location!r} has no branch or tag {refs[0]!r}; use one that it has, or leave it out"
        )
    if done.returncode:
        said = " ".join(done.stderr.split())
        return f"{source.location!r} cannot be reached from here ({said[-200:]}); {_CARRIED}"
    return ""


def _run(command: list[str], folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1"}
    return subprocess.run(
        command,
        cwd=folder,
        input=text,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SEC,
        check=False,
    )
