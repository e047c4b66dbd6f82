"""The site that several modules look at."""

import shutil

import pytest
from repository import ROOT
from websites import build


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """What the site is made of, as a clone has it."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session")
def site(checkout):
    """The folder of the finished site."""
    build(checkout)
    return checkout / "site"
