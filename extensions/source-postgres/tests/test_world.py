"""The World of the kit does what its checks rely on."""

from contextlib import closing

import psycopg2

from fustor_source_postgres.testing import World

COUNTED = "select pg_stat_get_tuples_inserted('public.items'::regclass)"


def test_a_change_is_counted_once_it_is_made():
    """Audits compare counters: one that came later would make a change look as if it were of the next audit."""
    with World() as world, closing(psycopg2.connect(world._dsn)) as conn, conn.cursor() as cur:
        conn.autocommit = True
        for number in range(1, 20):
            world.create(f"item-{number}")
            cur.execute(COUNTED)
            assert cur.fetchone() == (number,)
