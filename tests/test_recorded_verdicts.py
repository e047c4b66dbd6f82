"""The kit records a verdict, `fustor-new list` reads it: two packages that cannot import each other agree."""

import pytest
from repository import ROOT

from fustor_conformance import _verdict_file as kit
from fustor_new.commands import verdicts as reader


def test_both_mean_the_same_file():
    assert kit.VERDICTS_FILE == reader.VERDICTS_FILE


@pytest.mark.parametrize("package", sorted((ROOT / "extensions").glob("*-*")), ids=lambda path: path.name)
def test_both_compute_the_same_digest(package):
    assert kit.sources_digest(package) == reader.sources_digest(package)
