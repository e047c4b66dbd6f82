"""One table of exit codes: in both commands, and on its page."""

import re

from repository import ROOT

from fustor_driver.errors import EXIT_CODES as OF_DRIVER
from fustor_new.errors import EXIT_CODES as OF_NEW


def test_both_commands_mean_the_same_by_a_code():
    assert dict(OF_DRIVER) == dict(OF_NEW)


def test_the_page_names_every_code_and_no_other():
    table = (ROOT / "docs/reference/exit-codes.md").read_text()
    assert list(map(int, re.findall(r"^\| (\d+) \|", table, re.MULTILINE))) == list(OF_NEW)
