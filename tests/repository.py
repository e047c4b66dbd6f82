"""The projects of this repository, as the tests of the whole see them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ["fustor_event_model", "fustor_core", "fustor_driver", "fustor_conformance"]
TEST_SUPPORT = "fustor_testing_postgres"
"""What Worlds and tests of drivers may use, and nothing else."""
BRIDGE = "fustor_sender_bridge"
"""Stands beside the layers: it runs pushers where no host of this project is."""
ENGINE_BRIDGES = ["pyspark-fustor"]
"""Not in the environment for development, since each brings the engine of its name along."""
REFERENCE_DRIVERS = ["pusher-example", "pusher-fs", "pusher-postgres", "source-example", "source-fs", "source-postgres"]

_FOUND = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
PACKAGES = [path for path in _FOUND if path.name not in ENGINE_BRIDGES]
BRIDGES = [path for path in _FOUND if path.name in ENGINE_BRIDGES]
EXTENSIONS = sorted(path.parent for path in ROOT.glob("extensions/*/pyproject.toml"))
REFERENCES = [path for path in EXTENSIONS if path.name in REFERENCE_DRIVERS]


def name_of(project: Path) -> str:
    """The name of a project in the ids of tests."""
    return "fustor-new" if project == ROOT else project.name
