"""`fustor-driver init` between two PostgreSQL databases: the user is created, and the file runs as it is written."""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_testing_postgres import shared_server

PASSWORD = "s3cret-word"  # noqa: S105 - nobody's
pytestmark = pytest.mark.wide


class Databases:
    """A database to read and one to write, on a server of their own."""

    def __init__(self):
        self.server = shared_server().uri
        self.user = f"u{uuid.uuid4().hex[:12]}"
        self.names = [f"{self.user}_shop", f"{self.user}_warehouse"]
        for name in self.names:
            self.run(self.server, f"create database {name}")
        self.shop, self.warehouse = (make_dsn(self.server, dbname=name) for name in self.names)
        self.run(self.shop, "create table orders (id int primary key, item text)")
        self.run(self.shop, "create table secrets (id int primary key)")
        self.run(self.shop, "insert into orders select n, 'item ' || n from generate_series(1, 50) n")

    def address(self, dsn):
        """The address without a user: `credential` has that."""
        return make_dsn(
            "", **{name: value for name, value in parse_dsn(dsn).items() if name not in ("user", "passfile")}
        )

    def run(self, dsn, statement):
        conn = psycopg2.connect(dsn)
        conn.autocommit = True
        with conn.cursor() as cur:
            cur.execute(statement)
            rows = cur.fetchall() if cur.description else []
        conn.close()
        return rows

    def remove(self):
        self.run(self.server, "select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active")
        for name in self.names:
            self.run(self.server, f"drop database {name} with (force)")
        self.run(self.server, f"drop role if exists {self.user}")

    def settings(self):
        return [
            *("--uri", self.address(self.shop), "--set", f"source.credential.user={self.user}"),
            *(
                "--set",
                "source.credential.passwd=${SHOP_PASSWORD}",
                "--set",
                "source.driver_params.tables=[public.orders]",
            ),
            *("--endpoint", self.warehouse),
        ]


@pytest.fixture
def databases():
    made = Databases()
    yield made
    made.remove()


@pytest.fixture
def command(tmp_path, environ):
    def run(*arguments, **variables):
        line = [Path(sys.executable).with_name("fustor-driver"), *arguments]
        return subprocess.run(
            line, cwd=tmp_path, env=environ | variables, text=True, capture_output=True, check=False, stdin=-3
        )

    return run


@pytest.fixture
def environ(monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    return dict(os.environ)


def admin(databases):
    """The superuser's name and the file that his password is in."""
    parts = parse_dsn(databases.server)
    return parts["user"], {"PGPASSFILE": parts["passfile"]}


def test_init_creates_the_user_and_what_it_wrote_runs(databases, command, tmp_path):
    user, variables = admin(databases)
    done = command(
        "init", "postgres", "postgres", *databases.settings(), "--create-user", "--admin-user", user, **variables
    )
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stderr + (tmp_path / "fustor.yaml").read_text()
    for kind in ("source", "pusher"):
        checked = command("check", kind, "postgres")
        assert checked.returncode == 0, checked.stdout
    ran = command("run", "--for", "5", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["phases"]["snapshot"]["rows"] == 50
    assert databases.run(databases.warehouse, "select count(*) from fustor.public_orders") == [(50,)]
    listed = command("postgres", "slots")
    assert (listed.returncode, listed.stderr) == (0, "")
    name, database, state, _ = listed.stdout.split("\t")
    assert (database, state) == (databases.names[0], "read by nobody")
    assert command("postgres", "drop-slot", name).stdout == f"Dropped {name}\n"
    assert command("postgres", "slots").stdout == ""


def test_what_init_proposes_is_what_an_administrator_has_to_run(databases, command):
    proposed = command("init", "postgres", "postgres", *databases.settings())
    assert proposed.returncode == 9
    assert "source test connection" in proposed.stderr
    statements = [line.strip() for line in proposed.stderr.splitlines() if line.startswith("    ")]
    assert statements[0].startswith("CREATE ROLE")
    for statement in statements:
        databases.run(databases.shop, statement.replace("'...'", f"'{PASSWORD}'"))
    done = command("init", "postgres", "postgres", *databases.settings())
    assert done.returncode == 0, done.stderr
    assert databases.run(databases.shop, "select tablename from pg_publication_tables") == [("orders",)]


def test_a_demo_leaves_no_user_no_server_and_no_file(command, environ, tmp_path):
    environ.pop("FUSTOR_TEST_PG_DSN", None)
    before = Path("/etc/passwd").read_bytes()
    place = Path(tempfile.mkdtemp(prefix="demo"))
    place.chmod(0o711)  # pytest's own directories are root's alone, and root runs the server as somebody else
    done = command("run", "--demo", "postgres", "--for", "4", TMPDIR=str(place))
    assert done.returncode == 0, done.stderr
    assert "realtime insert /public/" in done.stderr
    assert not list(tmp_path.iterdir())
    place.rmdir()
    assert Path("/etc/passwd").read_bytes() == before
