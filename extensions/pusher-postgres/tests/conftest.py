"""One database for a module's tests, and drivers that are closed when a test ends."""

import asyncio
import sys
from pathlib import Path

import psycopg2
import pytest

from fustor_core.models.config import PusherConfig
from fustor_pusher_postgres import PostgresDriver
from fustor_pusher_postgres.testing import World

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode leaves it alone


def pytest_configure(config: pytest.Config) -> None:
    """Know the long form of the tests, and leave it out unless `-m` asks for it, wherever pytest is started."""
    for marker in (
        "wide: the many cases of a promise (minutes)",
        "chaos: seeded random faults (minutes)",
        "full: the long form, run before a release",
    ):
        config.addinivalue_line("markers", marker)
    config.option.markexpr = config.option.markexpr or "not (wide or chaos or full)"


EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    CREATE SCHEMA public;
END $$
"""


class Database(World):
    """A world with what tests do to it."""

    _conn = None

    def __exit__(self, *exc_info):
        if self._conn is not None:
            self._conn.close()
        super().__exit__(*exc_info)

    def ask(self, statement, *values):
        """What a statement answers, in a transaction of its own; times are those of UTC."""
        if self._conn is None or self._conn.closed:
            self._conn = psycopg2.connect(self.dsn, options="-c timezone=UTC")
        try:
            with self._conn, self._conn.cursor() as cur:
                cur.execute(statement, values or None)
                return cur.fetchall() if cur.description else []
        except psycopg2.Error:
            if not self._conn.closed:
                raise
        return self.ask(statement, *values)  # a test had cut the connection

    def driver(self, **params):
        config = self.config() | {"driver_params": params}
        return PostgresDriver("test", PusherConfig.model_validate(config))


@pytest.fixture(scope="module")
def module_database():
    with Database() as database:
        yield database


@pytest.fixture
def database(module_database):
    """The module's database, emptied: much quicker than one of its own."""
    module_database.ask(f"ALTER DATABASE {module_database._name} RESET ALL")
    module_database.ask(EMPTY)
    return module_database


@pytest.fixture
def run(database):
    """Run a coroutine function with a driver on an empty database."""

    def run(scenario, **params):
        async def main():
            driver = database.driver(**params)
            try:
                return await scenario(driver)
            finally:
                await driver.close()

        return asyncio.run(main())

    return run
