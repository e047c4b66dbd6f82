"""Distributions that are written by hand: the smallest that an index may have."""

import io
import tarfile
import zipfile

import pytest
from repository import ROOT

from release.building import build
from release.clone import cloned

HEADERS = {
    "Metadata-Version": "2.4",
    "Name": "fustor-tiny",
    "Version": "1.0.0",
    "Summary": "A tiny thing",
    "Author": "The Fustor contributors",
    "License-Expression": "Apache-2.0",
    "License-File": "LICENSE",
    "Classifier": "Development Status :: 4 - Beta",
    "Requires-Python": ">=3.11",
    "Description-Content-Type": "text/markdown",
}
LICENCE = (ROOT / "LICENSE").read_bytes()


def metadata_of(changes, description):
    headers = {key: value for key, value in (HEADERS | changes).items() if value is not None}
    return "".join(f"{key}: {value}\n" for key, value in headers.items()) + f"\n{description}"


@pytest.fixture
def wheel(tmp_path):
    """Write a wheel and return its path; headers are changed, or left out where they are None."""

    def write(name="fustor-tiny", version="1.0.0", *, files=(), description="# Tiny\n", licence=LICENCE, **changes):
        given = {key.replace("_", "-"): value for key, value in changes.items()}
        stem = f"{name.replace('-', '_')}-{version}"
        folder = tmp_path / "site" / "packages"
        folder.mkdir(parents=True, exist_ok=True)
        inside = {f"{name.replace('-', '_')}/__init__.py": "", **dict(files)}
        metadata = metadata_of({"Name": name, "Version": version, **given}, description)
        inside |= {f"{stem}.dist-info/METADATA": metadata, f"{stem}.dist-info/licenses/LICENSE": licence}
        inside[f"{stem}.dist-info/WHEEL"] = (
            "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        if points := inside.pop("entry_points.txt", ""):
            inside[f"{stem}.dist-info/entry_points.txt"] = points
        record = f"{stem}.dist-info/RECORD"
        inside[record] = "".join(f"{path},,\n" for path in [*inside, record])
        path = folder / f"{stem}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in inside.items():
                archive.writestr(member, data)
        return path

    return write


@pytest.fixture
def sdist(tmp_path):
    """Write an sdist and return its path."""

    def write(name="fustor-tiny", version="1.0.0", *, licence=LICENCE):
        stem = f"{name.replace('-', '_')}-{version}"
        path = tmp_path / "site" / "packages" / f"{stem}.tar.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = metadata_of({"Name": name, "Version": version}, "# Tiny\n").encode()
        with tarfile.open(path, "w:gz") as archive:
            for member, data in {"PKG-INFO": text, "LICENSE": licence}.items():
                entry = tarfile.TarInfo(f"{stem}/{member}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return path

    return write


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A clone of this work tree as it stands."""
    return cloned(ROOT, tmp_path_factory.mktemp("clone") / "tree")


@pytest.fixture(scope="session")
def built(tree, tmp_path_factory):
    """Every wheel and sdist of this work tree."""
    return build(tree, tmp_path_factory.mktemp("site") / "packages")
