"""What many tests of the command line begin with."""

import pytest
from workspaces import small


@pytest.fixture
def workspace(tmp_path):
    """A workspace with nothing in it."""
    return small(tmp_path / "workspace")
