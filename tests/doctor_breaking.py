"""How a healthy workspace is broken in one place: what the functions in `doctor_faults` and `doctor_code_faults` use.

`FAULTS` holds them with the id of the check that sees it, and the ids of all that see it.
"""

from pathlib import Path

from workspaces import member

FAULTS = []
_SOURCE = "fustor_source_redis"


def fault(check, *also):
    """A decorator that enters a fault for the check with this id; `also` see it by its nature."""

    def enter(breaks):
        FAULTS.append((check, {check, *also}, breaks))
        return breaks

    return enter


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new, 1))


def driver(root):
    return root / "extensions" / "source-redis"


def project(root):
    return driver(root) / "pyproject.toml"


def code(root, name="driver"):
    return driver(root) / "src" / _SOURCE / f"{name}.py"


def add(path, text):
    path.write_text(path.read_text() + text)


def members(root, *patterns, more=""):
    (root / "pyproject.toml").write_text(f"[tool.uv.workspace]\nmembers = {list(patterns)}\n{more}")


def packages(root, *names):
    members(root, "extensions/*", "packages/*")
    for number, name in enumerate(names):
        member(root / "packages" / f"p{number}", name)
