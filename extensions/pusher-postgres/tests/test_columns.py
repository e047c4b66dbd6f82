import re
from pathlib import Path

import fustor_pusher_postgres
from fustor_pusher_postgres._tables.columns import COLUMNS

PACKAGE = Path(fustor_pusher_postgres.__file__).parent
README = Path(__file__).parents[1] / "README.md"


def test_a_column_that_means_nothing_to_the_driver_is_named_once():
    """Every statement, list and table gets it from its declaration, and so will the next one: decision 0515."""
    sources = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    named = {name: text.count("is_atomic_write") for name, text in sources.items() if "is_atomic_write" in text}
    assert named == {"_tables/columns.py": 1}


def test_the_readme_says_what_every_column_means():
    table = README.read_text().partition("| column | meaning |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`.*?`) \| ", table, re.MULTILINE)
    assert {column.name for column in COLUMNS} - {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set()
