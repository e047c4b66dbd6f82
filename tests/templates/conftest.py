"""Rendering, once for each set of answers, and the tools that judge what was rendered."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from specs import spec_of

from fustor_new.template.contract_source import ContractSource
from fustor_new.template.render import render

CHECKOUT = Path(__file__).resolve().parents[2]
TEMPLATES = CHECKOUT / "templates"

Render = Callable[..., Path]


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What the command prints; fails with it where the command fails."""
    merged = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"} | dict(env or {})
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=merged, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Render:
    """A function that renders a package with these options, once."""

    @cache
    def once(frozen: str) -> Path:
        options = json.loads(frozen)
        contract = ContractSource.parse(options.pop("contract"), project=CHECKOUT / "extensions" / "x", base=CHECKOUT)
        spec = spec_of(options.pop("kind"), options.pop("name"), contract=contract, **options)
        destination = tmp_path_factory.mktemp("rendered") / f"{spec.names.kind}-{spec.names.name}"
        render(spec, destination)
        return destination

    def frozen(kind: str, name: str = "my-db", *, contract: str = "workspace", **options: Any) -> Path:
        return once(json.dumps({"kind": kind, "name": name, "contract": contract, **options}, sort_keys=True))

    return frozen


@pytest.fixture(scope="session")
def installed(rendered: Render, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Path]]:
    """A function that renders a package and installs it alone into a directory: (project, directory)."""

    @cache
    def once(project: Path) -> tuple[Path, Path]:
        site = tmp_path_factory.mktemp("site")
        command = ("uv", "pip", "install", "-q", "--no-deps", "--python", sys.executable, "--target", site, project)
        run(*command, cwd=project)
        return project, site

    return lambda kind, name="my-db", **options: once(rendered(kind, name, contract="index", **options))


@contextmanager
def imported(project: Path, package: str) -> Iterator[ModuleType]:
    """The package, imported from where it was rendered, and forgotten afterwards."""
    spec = spec_from_file_location(package, project / "src" / package / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[package] = module
    try:
        spec.loader.exec_module(module)
        import_module(f"{package}.testing")
        yield module
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]


@pytest.fixture(scope="session")
def tools() -> Any:
    """The helpers of this module, for test modules, which cannot import it."""
    return sys.modules[__name__]
