"""One table of exit codes: in both commands and in the README."""

import re

from repository import ROOT

from fustor_driver.errors import EXIT_CODES as OF_DRIVER
from fustor_new.errors import EXIT_CODES as OF_NEW


def test_both_commands_mean_the_same_by_a_code():
    assert dict(OF_DRIVER) == dict(OF_NEW)


def test_the_readme_names_every_code_and_no_other():
    table = (ROOT / "README.md").read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    named = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    assert named == set(OF_NEW)
