"""A workspace with drivers as they are rendered, to remove them."""

from fustor_new.changes.apply import apply
from fustor_new.changes.content import Tree
from fustor_new.changes.plan import Change
from fustor_new.commands.planning import check_names, locate, plan_drivers
from fustor_new.options import SourceOptions
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in

REDIS = "extensions/source-redis"
ROOT = """\
[tool.uv.workspace]
members = [
    "packages/*", # theirs
]

[tool.uv.sources]
fustor-core = { workspace = true }
"""


def rendered(folder, *names):
    """Return the files of new drivers, by name."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.uv.workspace]\n")
    options = SourceOptions(names=[*names], workspace=folder)
    plan = plan_drivers(check_names(options), options, locate(options), "index")
    return dict(zip(names, (change.after.files for change in plan.changes if change.creates_tree), strict=True))


def create(root, files, *names):
    """Create drivers with these files, as `fustor-new source` would."""
    registrations = [Registration(f"extensions/source-{name}", f"fustor-source-{name}") for name in names]
    changes = [Change(root / f"extensions/source-{name}", None, Tree(files[name])) for name in names]
    apply(plan_in(Workspace.load(root), changes, registrations=registrations))
