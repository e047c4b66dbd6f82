"""Between two runs a table's name comes to mean something else, of which the log has no rows: all of it arrives."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest
from psycopg2 import sql
from psycopg2.extensions import parse_dsn
from test_typed_tables import made_database
from tiers import longer

pytestmark = pytest.mark.wide

MADE = [
    "create table a as select i as id, 'a' || i as v from generate_series(1, 300) i",
    "create table b as select i as id, 'b' || i as v from generate_series(1, 50) i",
    "create table c as select i as id, 'c' || i as v from generate_series(1, 20) i",
    "create table d as select i as id, 'd' || i as v from generate_series(1, 9) i",
    *[f"alter table {name} add primary key (id)" for name in "abcd"],
]
LOGGED_BEFORE = [
    "update c set v = 'old' where id = 12",
    "delete from c where id = 3",
    "insert into c values (100, 'old')",
    "update a set v = 'old a' where id = 2",
    "update b set v = 'old b' where id = 4",
    "insert into b values (400, 'old b')",
]
CHANGED = [
    "drop table c; create table c (id int primary key, v text); insert into c values (12, 'new'), (61, 'new')",
    "alter table a rename to z; alter table b rename to a; alter table z rename to b",
    "alter table d add column w int default 7",
]
SNAPSHOT = "Snapshot complete"


@pytest.fixture
def databases():
    with ExitStack() as stack:
        yield [stack.enter_context(made_database()) for _ in range(2)]


@pytest.fixture
def run(tmp_path, databases):
    """What one run logs, until it ends by itself or, with `until`, until it has said that."""
    source, target = (made.dsn for made in databases)
    document = {
        "sources": {"s": {"driver": "postgres", "uri": as_uri(source), "driver_params": {"tables": ["public.*"]}}},
        "pushers": {
            "p": {"driver": "postgres", "endpoint": as_uri(target), "driver_params": {"max_delete_share": 1.0}}
        },
        "syncs": {"all": {"source": "s", "pusher": "p"}},
    }
    for entry in (*document["sources"].values(), *document["pushers"].values(), *document["syncs"].values()):
        entry["disabled"] = False
    (tmp_path / "fustor.yaml").write_text(json.dumps(document))

    def run(*options, until=None):
        command = [sys.executable, "-m", "fustor_driver", "run", *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=os.environ) as process:
            lines = []
            for line in process.stderr:
                lines.append(line)
                if until and until in line:
                    process.send_signal(signal.SIGINT)
                    until = None
        text = "".join(lines)
        assert process.returncode == (0 if "--once" in options else 130), text
        return text

    return run


def as_uri(dsn):
    """The same server and database as a URI."""
    parts = parse_dsn(dsn)
    name = parts.pop("dbname")
    return f"postgresql:///{name}?" + "&".join(f"{key}={value}" for key, value in parts.items())


def differences(source, target):
    """Rows that the target lacks, has beyond the source's, or has otherwise, by their path."""
    wanted, there = {}, {}
    for name in "abcd":
        rows = source(sql.SQL("select to_jsonb(t) from {} t").format(sql.Identifier(name)))
        wanted |= {f"/public/{name}/{row['id']}": row for (row,) in rows}
    for (relation,) in target("select distinct relation from fustor._fustor_tables"):
        there |= dict(target(sql.SQL("select path, record from {}").format(sql.Identifier("fustor", relation))))
    paths = wanted.keys() | there.keys()
    return {path: (wanted.get(path), there.get(path)) for path in paths if wanted.get(path) != there.get(path)}


@pytest.mark.parametrize("options", [longer(("--once",)), longer(("--once", "--all")), ()], ids=" ".join)
def test_what_a_name_means_now_arrives_and_nothing_is_read_again_without_a_change(run, databases, options):
    until = {} if options else {"until": SNAPSHOT}
    source, target = databases
    for statement in MADE:
        source(statement)
    assert SNAPSHOT in run(*options, **until)
    assert not differences(source, target)

    source("update d set v = 'more' where id = 1")
    assert SNAPSHOT not in run("--once")
    assert not differences(source, target)

    for statement in [*LOGGED_BEFORE * bool(options), *CHANGED]:  # a run that goes on has audits for it
        source(statement)
    text = run(*options, **until)
    assert "Resuming after index" in text
    assert SNAPSHOT in text
    assert not differences(source, target)
    assert SNAPSHOT not in run("--once")
    assert not differences(source, target)
