"""PostgreSQL's source, downloaded from Debian when its tests are asked for: none of it is part of this repository."""

from __future__ import annotations

import atexit
import lzma
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

_PACKAGE = "postgresql-18"  # the version of the embedded server
_RELEASES = ("sid", "forky", "trixie")
_INDEX = "dists/{}/main/source/Sources.xz"
_WANTED = ("/src/test/regress/sql/", "/src/test/regress/data/", "/src/test/subscription/t/")
_TIMEOUT_SEC = 300


@cache
def source_tree() -> Path | str:
    """The unpacked tests of PostgreSQL's source, or why there are none."""
    directory = Path(tempfile.mkdtemp(prefix="fps"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    try:
        site = _site()
        archive = directory / "source.tar"
        archive.write_bytes(_read(f"{site}/{_archive_path(site)}"))
        with tarfile.open(archive) as opened:
            wanted = [member for member in opened if member.isfile() and any(part in member.name for part in _WANTED)]
            opened.extractall(directory, members=wanted, filter="data")
    except (OSError, LookupError, subprocess.SubprocessError, tarfile.TarError, lzma.LZMAError) as err:
        return f"The source of {_PACKAGE} cannot be downloaded from Debian: {err}"
    return next(directory.glob("*/src/test"))


def _site() -> str:
    """The mirror that apt uses."""
    command = ["apt-get", "indextargets", "--format", "$(SITE)"]
    sites = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    found = [site for site in sites if site.startswith("http")]
    if not found:
        raise LookupError("apt has no mirror")
    return found[0]


def _archive_path(site: str) -> str:
    """Where the archive of the newest release that has the package stands below the mirror's root."""
    for release in _RELEASES:
        try:
            index = lzma.decompress(_read(f"{site}/{_INDEX.format(release)}")).decode()
        except urllib.error.HTTPError:
            continue
        for entry in index.split("\n\n"):
            folder = re.search(r"^Directory: (\S+)$", entry, re.MULTILINE)
            archive = re.search(rf"\b{_PACKAGE}_\S+\.orig\.tar\.\w+$", entry, re.MULTILINE)
            if folder and archive:
                return f"{folder[1]}/{archive[0]}"
    raise LookupError(f"none of {', '.join(_RELEASES)} has it")


def _read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=_TIMEOUT_SEC) as answer:  # noqa: S310 - a mirror of apt
        content: bytes = answer.read()
    return content
