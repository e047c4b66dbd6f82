"""The sample configuration is accepted by the guide host as it is, and agrees with what the README says."""

import re
from itertools import product

import pytest

from fustor_driver import configuration

variants = pytest.mark.parametrize(("kind", "example"), list(product(("source", "pusher"), (False, True))))


@variants
def test_guide_host_accepts_the_sample_unedited(tools, rendered, kind, example):
    loaded = configuration.load(rendered(kind, example=example) / "fustor.yaml")
    (entry,) = {"source": loaded.sources, "pusher": loaded.pushers}[kind].values()
    assert (entry.driver, entry.disabled) == ("my_db", False)
    with tools.imported(rendered(kind, example=example), f"fustor_{kind}_my_db") as package:
        assert package.MyDbDriver("sample", entry).params == package.MyDbParams(**entry.driver_params)


@variants
def test_readme_explains_every_parameter(tools, rendered, kind, example):
    project = rendered(kind, example=example)
    explained = re.findall(r"^\| `(\w+)` \|", (project / "README.md").read_text(), flags=re.MULTILINE)
    with tools.imported(project, f"fustor_{kind}_my_db") as package:
        assert explained == list(package.MyDbParams.model_fields)
