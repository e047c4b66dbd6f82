from pathlib import Path

import fustor_pusher_postgres

PACKAGE = Path(fustor_pusher_postgres.__file__).parent


def test_a_column_that_means_nothing_to_the_driver_is_named_once():
    """Every statement, list and table gets it from its declaration, and so will the next one: decision 0515."""
    sources = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    named = {name: text.count("is_atomic_write") for name, text in sources.items() if "is_atomic_write" in text}
    assert named == {"_tables/columns.py": 1}
