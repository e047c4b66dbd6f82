"""Puts the wheels of the contract packages into the wheel of fustor-new, built from this very tree.

They are what a project of its own carries until an index has them. An editable installation gets none: there
`fustor_new.template.wheels` builds them from `packages/` when they are asked for.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilder

CARRIED = ("fustor-conformance", "fustor-core", "fustor-driver", "fustor-event-model")


def build_wheels(packages: Path) -> Mapping[str, bytes]:
    """Return the wheels of what is carried, by file name; the same bytes from the same tree, wherever it lies.

    Args:
        packages: the directory that holds the packages' projects.
    """
    with TemporaryDirectory(prefix="fustor-wheels-") as into:
        for name in CARRIED:
            for _ in WheelBuilder(str(packages / name)).build(directory=into, versions=["standard"]):
                pass
        return {path.name: path.read_bytes() for path in sorted(Path(into).glob("*.whl"))}


class CarriedWheels(BuildHookInterface[Any]):
    """The build hook of the wheel of fustor-new."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the wheels and have them included."""
        if version == "editable":
            return
        self._scratch = Path(mkdtemp(prefix="fustor-wheels-"))
        for name, data in build_wheels(Path(self.root, "packages")).items():
            (self._scratch / name).write_bytes(data)
            build_data["force_include"][str(self._scratch / name)] = f"fustor_new/wheels/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling calls it so
        """Remove what was built on the way."""
        if version != "editable":
            shutil.rmtree(self._scratch)
