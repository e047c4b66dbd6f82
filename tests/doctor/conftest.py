"""A healthy workspace with one rendered driver, to be broken in one place."""

import shutil
from functools import cache
from pathlib import Path

import pytest
from specs import spec_of

from fustor_new.template.contract_source import ContractSource
from fustor_new.template.render import render


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """A function that renders a package, once for each set of options."""

    @cache
    def once(kind, name, contract, options):
        contract = {
            "index": ContractSource(kind="index"),
            "vendor": ContractSource(kind="vendor"),
        }.get(contract) or ContractSource(kind="directory", location=contract)
        spec = spec_of(kind, name, contract=contract, **dict(options))
        folder = tmp_path_factory.mktemp("rendered") / f"{kind}-{name}"
        render(spec, folder)
        return folder

    def frozen(kind, name="redis", *, contract="index", **options):
        return once(kind, name, contract, tuple(sorted(options.items())))

    return frozen


@pytest.fixture
def workspace(tmp_path, rendered) -> Path:
    """A workspace with the driver `extensions/source-redis`."""
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["extensions/*"]\n')
    shutil.copytree(rendered("source"), root / "extensions" / "source-redis")
    return root
