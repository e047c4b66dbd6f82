"""The kit records a verdict, `fustor-new list` reads it: two packages that cannot import each other agree."""

import json
from importlib.metadata import Distribution

import pytest
from repository import ROOT

from fustor_conformance import Kind, Level, Profile, Report, Status, find_rule
from fustor_conformance import _verdict_file as kit
from fustor_conformance.outcome import Verdict
from fustor_new.package import verdicts as reader


def test_both_mean_the_same_file():
    assert kit.VERDICTS_FILE == reader.VERDICTS_FILE


@pytest.mark.parametrize("package", sorted((ROOT / "extensions").glob("*-*")), ids=lambda path: path.name)
def test_both_compute_the_same_digest(package):
    assert kit.sources_digest(package) == reader.sources_digest(package)


class Installed(Distribution):
    """A distribution that is installed from a directory, as PEP 610 says it."""

    def __init__(self, folder):
        self.folder = folder

    def read_text(self, filename):
        assert filename == "direct_url.json"
        return json.dumps({"url": self.folder.as_uri(), "dir_info": {"editable": True}})

    def locate_file(self, path):
        return self.folder / path


def test_what_was_not_exercised_is_read_as_it_was_recorded(tmp_path):
    passed = Verdict(find_rule("S01"), Level.MUST, Status.PASSED, observed=1)
    skipped = Verdict(find_rule("S04"), Level.MUST, Status.SKIPPED, "The World declares no 'delete'")
    report = Report(Kind.SOURCE, "memory", "1", Profile.GUIDE, (passed, skipped))
    kit.VerdictFile(Installed(tmp_path)).record(report)
    (read,) = reader.read_verdicts(tmp_path)
    assert (read.outcome, read.exercised, read.rules) == (report.outcome, 1, len(report.rules))
    assert read.not_exercised == tuple(rule.name for rule in report.not_exercised)
    assert "S04-vanished-item-survived" in read.not_exercised
