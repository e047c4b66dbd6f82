"""Runs as an operator asks for them, with the reference drivers and a real database."""

import json
import subprocess
import sys
import uuid

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_testing_postgres import shared_server

pytestmark = pytest.mark.wide
COMMAND = (sys.executable, "-m", "fustor_driver", "run", "--once", "--json")


def uri(dsn):
    parts = parse_dsn(dsn)
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}&passfile={parts['passfile']}"


class Shop:
    """A database with orders and customers, and another one to keep them in."""

    def __init__(self, directory):
        self._server = shared_server().uri
        self._directory = directory
        name = uuid.uuid4().hex
        self.shop, self.kept = (self._database(f"{kind}_{name}") for kind in ("shop", "kept"))
        self.run("create table orders (id int primary key, item text)")
        self.run("insert into orders select n, 'x' || n from generate_series(1, 200) n")
        self.run("create table customers (id int primary key)")
        self.run("insert into customers select generate_series(1, 50)")

    def _database(self, name):
        self.run(f'create database "{name}"', self._server)
        return make_dsn(self._server, dbname=name)

    def run(self, statement, dsn=None):
        connection = psycopg2.connect(dsn or self.shop)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def count(self, table):
        return self.run(f"select count(*) from fustor.{table}", self.kept)[0][0]  # noqa: S608 - our own names

    def file(self):
        """A configuration with two syncs of the shop."""
        return json.dumps(
            {
                "sources": {"shop": {"driver": "postgres", "uri": uri(self.shop), "disabled": False}},
                "pushers": {
                    "kept": {"driver": "postgres", "endpoint": uri(self.kept), "disabled": False},
                    "log": {"driver": "fs", "endpoint": "events", "disabled": False},
                },
                "syncs": {one: {"source": "shop", "pusher": one} for one in ("kept", "log")},
            }
        )

    def once(self, *tables):
        arguments = (
            *("--source-driver", "postgres", "--uri", uri(self.shop)),
            *("--pusher-driver", "postgres", "--endpoint", uri(self.kept)),
            *("--set", f"source.driver_params.tables={json.dumps(tables)}"),
        )
        return once(self._directory, *arguments)


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    yield shop
    shop.run("select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()")


def once(directory, *arguments):
    done = subprocess.run([*COMMAND, *arguments], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_clock_that_can_be_resumed_is_read_to_the_last_tick(tmp_path):
    ticks = ("--source-driver", "example", "--uri", "tick://local", "--set", "source.driver_params.interval_sec=0.02")
    into = ("--pusher-driver", "fs", "--endpoint", "events")
    first = once(tmp_path, *ticks, *into)
    assert first["phases"]["snapshot"]["rows"] > 0
    second = once(tmp_path, *ticks, *into)
    assert second["resumed_from"] >= first["committed_index"] > 0
    assert (second["phases"]["snapshot"]["rows"], second["phases"]["realtime"]["rows"] > 0) == (0, True)


def test_a_tree_that_cannot_be_resumed_is_read_whole_each_time(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a").write_text("a")
    files = ("--source-driver", "fs", "--uri", tmp_path / "tree", "--pusher-driver", "example", "--endpoint", "events")
    for rows in (2, 3):
        status = once(tmp_path, *map(str, files))
        assert (status["phases"]["snapshot"]["rows"], status["statistics"]["source"]["overflows"]) == (rows, 0)
        (tmp_path / "tree" / "b").write_text("b")


def test_a_run_that_ends_resumes_and_a_new_table_is_filled_at_once(shop):
    first = shop.once("public.orders")
    assert (first["phases"]["snapshot"]["rows"], shop.count("public_orders")) == (200, 200)
    shop.run("insert into orders values (1000, 'new')")
    second = shop.once("public.orders")
    assert (second["phases"]["snapshot"]["rows"], second["phases"]["realtime"]["rows"]) == (0, 1)
    third = shop.once("public.orders", "public.customers")
    assert (third["resumed_from"], shop.count("public_customers")) == (second["committed_index"], 50)
    fourth = shop.once("public.orders", "public.customers")
    assert (fourth["phases"]["snapshot"]["rows"], fourth["resumed_from"] > 0) == (0, True)


def test_two_syncs_of_one_source_lose_nothing_to_each_other(shop, tmp_path):
    (tmp_path / "fustor.yaml").write_text(shop.file())
    both = [sys.executable, "-m", "fustor_driver", "run", "--all", "--once"]
    subprocess.run(both, cwd=tmp_path, check=True, capture_output=True)
    for number in range(1000, 1003):
        shop.run(f"insert into orders values ({number}, 'new')")  # noqa: S608 - our own numbers
        subprocess.run(both, cwd=tmp_path, check=True, capture_output=True)
        assert shop.count("public_orders") == number - 1000 + 201
        log = "".join(path.read_text() for path in sorted((tmp_path / "events").rglob("*.jsonl")))
        assert f'"/public/orders/{number}"' in log


def test_a_slot_is_released_although_no_chosen_table_has_changed(shop):
    before = shop.once("public.orders")["committed_index"]
    shop.run("insert into customers select generate_series(100, 5000)")
    assert shop.once("public.orders")["committed_index"] > before
