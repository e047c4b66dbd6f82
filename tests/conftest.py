"""A later template than today's, for whatever is tested by an update."""

import pytest
from installations import Installation
from updates import release_later

from fustor_new.template import history


@pytest.fixture(scope="session")
def later(tmp_path_factory):
    """An installation whose template is one version further."""
    made = Installation(tmp_path_factory.mktemp("later"))
    release_later(made.templates)
    return made


@pytest.fixture
def later_here(later, monkeypatch):
    """Let this process use the later template, as if it were installed here."""
    monkeypatch.setattr(history, "PLACES", (later.templates,))
    return later
