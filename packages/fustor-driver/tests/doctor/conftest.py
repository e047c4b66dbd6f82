import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from fustor_driver.doctor import Environment
from fustor_driver.releases import release


class Site:
    """A directory of installed distributions."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name, version, requires=(), entries="", modules=()):
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}")
        (info / "entry_points.txt").write_text(entries)
        self.write(dict(modules))

    def write(self, modules):
        """Write modules by their dotted names; a name without a dot is a package."""
        for name, text in modules.items():
            package, _, rest = name.partition(".")
            (self.folder / package).mkdir(exist_ok=True)
            (self.folder / package / "__init__.py").touch()
            (self.folder / package / f"{rest or '__init__'}.py").write_text(text)

    @property
    def environment(self):
        return Environment(Path(sys.executable), (str(self.folder),))


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site")


@pytest.fixture
def installed_as(site):
    """A function that installs these versions, those of a release among them unless it says None."""

    def install(of=None, **versions):
        pins = map(Requirement, (*release(of).agent, *release(of).limits) if of else ())
        beside = {"watchdog": "6.0.0", "fastapi": "0.165.0"} if of else {}
        told = {pin.name: str(pin.specifier).strip("=<>") for pin in pins} | beside
        for name, version in (told | {name.replace("_", "-"): version for name, version in versions.items()}).items():
            if version:
                site.add(name, version)
        return site.environment

    return install
