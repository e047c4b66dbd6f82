from pathlib import Path

from fustor_conformance.document import document

CHECKS = Path(__file__).parents[3] / "docs" / "checks.md"


def test_the_documentation_is_the_table():
    assert CHECKS.read_text() == document(), "run: python -m fustor_conformance.document > docs/checks.md"
