"""The tutorial is followed to the letter, in a clone and with a home in which nothing is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from executed_page import Reader
from repository import ROOT

pytestmark = pytest.mark.full

KEPT = ("LANG", "TMPDIR", "SSL_CERT_FILE", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "PIP_CERT")


def git(*arguments, cwd=ROOT):
    return subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path_factory):
    """This repository as it stands, without what git ignores."""
    folder = tmp_path_factory.mktemp("clone") / "fustor"
    for name in git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git("init", "-q", cwd=folder)
    return folder


@pytest.fixture
def environ(tmp_path):
    """Variables of a user who has uv and git, and nothing else; packages that were downloaded before are not again."""
    cache = subprocess.run(["uv", "cache", "dir"], check=True, capture_output=True, text=True).stdout.strip()
    proxies = [name for name in os.environ if name.lower().endswith("_proxy")]
    (tmp_path / "home").mkdir()
    return {name: os.environ[name] for name in (*KEPT, *proxies) if name in os.environ} | {
        "HOME": str(tmp_path / "home"),
        "PATH": f"{Path(shutil.which('uv')).parent}:/usr/local/bin:/usr/bin:/bin",
        "UV_CACHE_DIR": cache,
        "UV_PYTHON": f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}",
        "UV_PYTHON_DOWNLOADS": "never",
    }


PAGES = sorted([*ROOT.glob("docs/tutorial/*.md"), *ROOT.glob("docs/zh/tutorial/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_whoever_follows_it_has_a_driver_that_goes_on_after_kill_9(clone, environ, page):
    with Reader(clone, environ) as reader:
        shown = dict(reader.follow(page))
    assert "conformant, " in shown[f"fustor-driver conform {page.stem.replace('-', ' ')} --quiet"]
    assert shown["python compare.py"].count("True") == 2
    driver = clone / "extensions" / page.stem
    for command in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy", "--strict")):
        subprocess.run([clone / ".venv/bin" / command[0], *command[1:], driver / "src"], cwd=clone, check=True)
