"""Environments of others, and a database to read."""

import os
import subprocess
import sys
from contextlib import ExitStack
from functools import cache

import pytest
from test_selected_anew import as_uri
from test_typed_tables import made_database

ENVIRONMENTS = {
    "airbyte": ["airbyte-protocol-models==0.18.0"],
    "jsonl": ["target-jsonl==0.1.4"],
    "meltano": ["meltano==4.4.1"],
    "pyairbyte": ["airbyte==0.71.3"],
    "singer": ["singer-sdk[testing]==0.54.9"],
    "tap-postgres": ["meltanolabs-tap-postgres==0.10.0"],
}
PYTHONS = {"airbyte": ">=3.11,<3.14", "pyairbyte": ">=3.11,<3.13"}
"""What not every Python is right for."""


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """The directory of programs of an environment with what a judge needs, and nothing of ours."""

    @cache
    def of(name):
        place = tmp_path_factory.mktemp(name) / "env"
        make = ["uv", "venv", "-q", "--python", PYTHONS.get(name, sys.executable), place]
        made = subprocess.run(
            make, check=False, capture_output=True, text=True, env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
        )
        if name in PYTHONS and made.returncode:
            pytest.skip(f"{ENVIRONMENTS[name]} needs a Python {PYTHONS[name]}")
        assert made.returncode == 0, made.stderr
        install = ["uv", "pip", "install", "-q", "--python", place / "bin/python", *ENVIRONMENTS[name]]
        subprocess.run(install, check=True, cwd=place.parent)  # not the constraints of this project
        return place / "bin"

    return of


@pytest.fixture
def make_shop():
    """Make a table with so many rows; how to ask its database, and the entry of a source that reads it."""
    with ExitStack() as stack:

        def make(rows):
            ask = stack.enter_context(made_database())
            ask("create table orders (id int primary key, item text)")
            ask("insert into orders select i, 'item ' || i from generate_series(1, %s) i", rows)
            ask.entry = {"driver": "postgres", "uri": as_uri(ask.dsn), "driver_params": {"tables": ["public.orders"]}}
            return ask

        yield make


@pytest.fixture
def lake():
    """A database to write into, and the entry of a pusher that does."""
    with made_database() as ask:
        ask.entry = {"driver": "postgres", "endpoint": as_uri(ask.dsn)}
        yield ask
