"""A healthy workspace with one rendered driver, to be broken in one place."""

import shutil
from functools import cache
from pathlib import Path

import pytest

from fustor_new.template.contract_source import ContractSource
from fustor_new.template.render import render
from fustor_new.template.spec import DriverSpec


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """A function that renders a package, once for each set of options."""

    @cache
    def once(kind, name, options):
        contract = ContractSource(kind="index")
        spec = DriverSpec.from_options(kind, name, contract=contract, **dict(options))
        folder = tmp_path_factory.mktemp("rendered") / f"{kind}-{name}"
        render(spec, folder)
        return folder

    return lambda kind, name="redis", **options: once(kind, name, tuple(sorted(options.items())))


@pytest.fixture
def workspace(tmp_path, rendered) -> Path:
    """A workspace with the driver `extensions/source-redis`."""
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["extensions/*"]\n')
    shutil.copytree(rendered("source"), root / "extensions" / "source-redis")
    return root
