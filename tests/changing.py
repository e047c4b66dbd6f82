"""A plan of every kind of change, in a world made for it."""

from fustor_new.changes.content import FileContent, Tree, read_file
from fustor_new.changes.plan import Change
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in

ROOT = """\
[tool.uv.workspace]
members = [
    "extensions/source-mine",
]
"""
MINE = "extensions/source-mine"
OLD = "extensions/source-old"


def world(root):
    """Make a workspace with a package to change and a package to remove."""
    files = {
        "pyproject.toml": ROOT,
        f"{MINE}/pyproject.toml": '[project]\nname = "fustor-source-mine"\nversion = "1"\n',
        f"{MINE}/edited.py": "one\ntwo\nthree\n",
        f"{MINE}/run": "#!/bin/sh\n",
        f"{MINE}/gone/deep/only.py": "last of its directory\n",
        f"{MINE}/same.py": "untouched",
        f"{OLD}/src/driver.py": "x = 1\n",
        f"{OLD}/empty": "",
        f"{OLD}/no end": "a\nb",
        f"{OLD}/src/__pycache__/driver.pyc": "made again",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / MINE / "gone").chmod(0o750)
    (root / MINE / "edited.py").chmod(0o640)
    (root / OLD / "link").symlink_to("src/driver.py")


def plan_for(root):
    """Return a plan that creates, replaces, deletes, makes executable, takes away and registers."""
    mine = root / MINE
    before = {path: read_file(path) for path in (mine / "edited.py", mine / "run", mine / "gone/deep/only.py")}
    edited, run, gone = before
    changes = [
        Change(edited, before[edited], FileContent(b"one\n2\nthree", before[edited].mode)),
        Change(run, before[run], FileContent(b"#!/bin/sh\n", 0o755)),
        Change(gone, before[gone], None),
        Change(mine / "new/dir/made.py", None, FileContent(b"new\n", 0o755)),
        Change(mine / "new/empty", None, FileContent(b"")),
        Change(root / OLD, Tree.read(root / OLD, frozenset({"__pycache__"})), None),
        Change(root / "extensions/source-new", None, Tree({"driver.py": FileContent(b"y = 1\n")})),
    ]
    registrations = [Registration("extensions/source-new", "fustor-source-new")]
    return plan_in(Workspace.load(root), changes, registrations=registrations)
