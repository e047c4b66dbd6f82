"""What the log says of rows, told without loss."""

import pytest

from fustor_conformance.view import View

pytestmark = pytest.mark.wide

# ruff: noqa: S608 - every statement is written in this file

# stored out of line, since it cannot be compressed
RANDOM_TEXT = "(select string_agg(md5(g::text), '') from generate_series(1, 500) g)"


def following(make_driver, read, **params):
    driver = make_driver(**params)
    return read(driver.get_message_iterator(-1))


def test_an_unchanged_value_out_of_line_is_left_out_never_null(database, make_driver, read):
    database.run("create table t (id int primary key, big text, n int)")
    database.run(f"insert into t values (1, {RANDOM_TEXT}, 1)")
    reading = following(make_driver, read)
    database.run("update t set n = 2")
    ((kind, row),) = reading.rows(1)
    assert (kind, row["path"], row["record"], row["size"]) == ("update", "/public/t/1", {"id": 1, "n": 2}, 2)


def test_full_identity_fills_it_in(database, make_driver, read):
    database.run("create table t (id int primary key, big text, n int)")
    database.run("alter table t replica identity full")
    database.run(f"insert into t values (1, {RANDOM_TEXT}, 1)")
    reading = following(make_driver, read)
    database.run("update t set n = 2")
    database.run("delete from t")
    (_, updated), (kind, deleted) = reading.rows(2)
    assert (updated["record"]["n"], len(updated["record"]["big"])) == (2, 16000)
    assert (kind, deleted["size"], deleted["record"]) == ("delete", None, updated["record"])


def test_a_changed_key_is_a_delete_and_an_insert(database, make_driver, read):
    database.run("create table t (id int primary key, v text)")
    database.run("insert into t values (1, 'x')")
    reading = following(make_driver, read)
    database.run("update t set id = 2")
    told = [(kind, row["path"]) for kind, row in reading.rows(2)]
    assert told == [("delete", "/public/t/1"), ("insert", "/public/t/2")]


@pytest.mark.parametrize(
    "statements",
    [
        ["update t set id = 99 where id = 1", "update t set id = 1 where id = 2", "update t set id = 2 where id = 99"],
        ["update t set id = id + 100", "update t set id = id - 99"],
        ["update t set id = -id", "delete from t where id = -2", "insert into t values (2, 'again')"],
        [
            "update t set id = 10 where id = 3",
            "update t set id = 11 where id = 10",
            "update t set id = 3 where id = 11",
        ],
    ],
)
@pytest.mark.parametrize("identity", ["default", "full"])
def test_keys_that_change_places_end_where_they_are(database, make_driver, read, statements, identity):
    database.run("create table t (id int primary key, v text)")
    database.run(f"alter table t replica identity {identity}")
    database.run("insert into t select g, 'v' || g from generate_series(1, 5) g")
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    view = View()
    view.begin_session("s")
    for event in driver.get_snapshot_iterator():
        view.apply(event)
    view.snapshot_end()
    with database.transaction() as run:
        for statement in statements:
            run(statement)
    database.run("insert into t values (1000, 'end')")
    while "/public/t/1000" not in view.paths():
        view.apply(reading.next())
    expected = {
        f"/public/t/{key}": {"record": {"id": key, "v": value}} for key, value in database.run("select * from t")
    }
    assert view.difference(expected, containers=False) == []


def test_truncate_deletes_the_container(database, make_driver, read):
    database.run("create table t (id int primary key)")
    database.run("create table u (id int primary key references t)")
    reading = following(make_driver, read)
    database.run("truncate t, u")
    told = {(kind, row["path"]) for kind, row in reading.rows(2)}
    assert told == {("delete", "/public/t"), ("delete", "/public/u")}


def test_columns_may_come_and_go_in_mid_stream(database, make_driver, read):
    database.run("create table t (id int primary key, a int)")
    reading = following(make_driver, read)
    with database.transaction() as run:
        run("insert into t values (1, 1)")
        run("alter table t add b jsonb default '[1]'")
        run("insert into t values (2, 2, '{}')")
        run("alter table t drop a")
        run("alter table t rename id to key")
        run("update t set b = '2' where key = 2")
        run("delete from t where key = 1")
    records = [row["record"] for _, row in reading.rows(4)]
    assert records == [{"id": 1, "a": 1}, {"id": 2, "a": 2, "b": {}}, {"key": 2, "b": 2}, {"key": 1}]


def test_a_table_made_again_is_told_again(database, make_driver, read):
    database.run("create table t (id int primary key)")
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    reading.rows(1)
    database.run("drop table t")
    database.run("create table t (id text primary key, v int)")
    list(driver.get_audit_iterator())
    database.run("insert into t values ('x', 1)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/x"


def test_partitions_are_told_as_their_root(database, make_driver, read):
    database.run("create table p (id int, day date, v text, primary key (id, day)) partition by range (day)")
    database.run("create table p1 partition of p for values from ('2024-01-01') to ('2025-01-01')")
    database.run("create table p2 partition of p for values from ('2025-01-01') to ('2026-01-01')")
    database.run("insert into p values (1, '2024-05-01', 'x')")
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    (snapshot,) = driver.get_snapshot_iterator()
    assert [row["path"] for row in snapshot.rows] == ["/public/p/1,2024-05-01"]
    database.run("update p set day = '2025-05-01'")
    assert [(kind, row["path"]) for kind, row in reading.rows(2)] == [
        ("delete", "/public/p/1,2024-05-01"),
        ("insert", "/public/p/1,2025-05-01"),
    ]


def test_children_are_tables_of_their_own(database, make_driver):
    database.run("create table parent (id int primary key)")
    database.run("create table child (primary key (id)) inherits (parent)")
    database.run("insert into child values (1)")
    events = list(make_driver().get_snapshot_iterator())
    assert [row["path"] for event in events for row in event.rows] == ["/public/child/1"]


HOSTILE = ['a"b', "a'; drop table x; --", "MiXed Case", "ünï/,%", "..", "a\\b", "new\nline", "{x}%s"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_keys_are_data(database, make_driver, read, name):
    quoted = '"' + name.replace('"', '""') + '"'
    with database.conn.cursor() as cur:
        cur.execute(f"create schema {quoted}".replace("%", "%%"), ())
        cur.execute(f"create table {quoted}.{quoted} ({quoted} text primary key, v int)".replace("%", "%%"), ())
        cur.execute(f"insert into {quoted}.{quoted} values (%s, 1)".replace(quoted, quoted.replace("%", "%%")), (name,))
        driver = make_driver()
        reading = read(driver.get_message_iterator(-1))
        (snapshot,) = driver.get_snapshot_iterator()
        cur.execute(f"update {quoted}.{quoted} set v = 2".replace("%", "%%"), ())
    ((_, told),) = reading.rows(1)
    assert told["path"] == snapshot.rows[0]["path"]
    assert told["path"].count("/") == 3
    assert told["record"] == {name: name, "v": 2}
    audited = [row["path"] for event in driver.get_audit_iterator() for row in event.rows]
    assert told["path"] in audited
    assert (snapshot.event_schema, snapshot.table) == (name, name)


@pytest.mark.parametrize(
    ("key", "last"),
    [(("a/b", "c,d"), "a%2Fb,c%2Cd"), (("", ""), ","), (("ü", "~-._"), "%C3%BC,~-._"), (("..", "."), "..,.")],
)
def test_composite_keys_are_encoded_in_the_order_of_the_key(database, make_driver, read, key, last):
    database.run("create table t (second text, first text, primary key (first, second))")
    reading = following(make_driver, read)
    database.run("insert into t (first, second) values (%s, %s)", *key)
    assert reading.rows(1)[0][1]["path"] == f"/public/t/{last}"


@pytest.mark.parametrize(("key", "last"), [("", "%FF"), ("..", "%2E%2E"), (".", "%2E"), ("a", "a")])
def test_a_key_never_looks_like_its_table(database, make_driver, read, key, last):
    database.run("create table t (id text primary key)")
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (%s)", key)
    assert reading.rows(1)[0][1]["path"] == f"/public/t/{last}"
    (event,) = make_driver(id="other").get_snapshot_iterator()
    assert event.rows[0]["path"] == f"/public/t/{last}"


def test_key_columns_identify_where_there_is_no_key(database, make_driver, read):
    database.run("create table t (a int, b text)")
    database.run("alter table t replica identity full")
    database.run("insert into t values (1, null)")
    driver = make_driver(key_columns={"public.t": ["a", "b"]})
    reading = read(driver.get_message_iterator(-1))
    (snapshot,) = driver.get_snapshot_iterator()
    database.run("delete from t")
    assert snapshot.rows[0]["path"] == reading.rows(1)[0][1]["path"] == "/public/t/1,%00"


def test_only_chosen_tables_and_columns_are_told(database, make_driver, read):
    database.run("create schema other")
    database.run("create table t (id int primary key, secret text, v text)")
    database.run("create table other.t (id int primary key)")
    database.run("create table hidden (id int primary key)")
    for table in ("t", "other.t", "hidden"):
        database.run(f"insert into {table} values (1)")
    driver = make_driver(tables=["public.*"], exclude=["*.hidden"], columns={"public.t": ["v"]})
    reading = read(driver.get_message_iterator(-1))
    (snapshot,) = driver.get_snapshot_iterator()
    database.run("insert into other.t values (2)")
    database.run("insert into hidden values (2)")
    database.run("update t set v = 'xyz', secret = 's'")
    ((_, told),) = reading.rows(1)
    assert (snapshot.rows[0]["record"], told["record"], told["size"]) == ({"v": None}, {"v": "xyz"}, 3)
    audited = {row["path"] for event in driver.get_audit_iterator() for row in event.rows}
    assert audited == {"/", "/public", "/public/t", "/public/t/1"}


def test_generated_columns_are_told_in_no_phase(database, make_driver, read):
    database.run("create table t (id int primary key, twice int generated always as (id * 2) stored)")
    database.run("insert into t values (1)")
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    (snapshot,) = driver.get_snapshot_iterator()
    database.run("insert into t values (2)")
    assert (snapshot.rows[0]["record"], reading.rows(1)[0][1]["record"]) == ({"id": 1}, {"id": 2})


def test_a_transaction_is_cut_by_rows_and_by_bytes(database, make_driver, read):
    database.run("create table t (id int primary key, v text)")
    reading = following(make_driver, read)
    database.run("insert into t select g from generate_series(1, 2500) g")
    reading.rows(2500)
    assert [len(event.rows) for event in reading.events] == [1000, 1000, 500]
    database.run("insert into t select g, repeat('x', 1000000) from generate_series(3001, 3010) g")
    reading.rows(10)
    assert [len(event.rows) for event in reading.events[3:]] == [5, 5]


def test_rolled_back_changes_are_not_told(database, make_driver, read):
    database.run("create table t (id int primary key)")
    reading = following(make_driver, read)
    with database.transaction() as run:
        run("insert into t values (1)")
        run("savepoint s")
        run("insert into t values (2)")
        run("rollback to s")
        run("insert into t values (3)")
    assert [row["path"] for _, row in reading.rows(2)] == ["/public/t/1", "/public/t/3"]


@pytest.mark.parametrize("kind", ["int", "bigint", "uuid", "text"])
def test_a_null_in_a_configured_key_has_one_path_in_every_phase(database, make_driver, kind):
    database.run(f"create table t (k {kind}, v text)")
    database.run("alter table t replica identity full")
    driver = make_driver(key_columns={"public.t": ["k"]})
    driver.get_message_iterator(-1)
    start = driver.get_latest_position()
    database.run("insert into t values (null, 'a')")
    phases = [
        driver.get_message_iterator(start, end_position=driver.get_latest_position()),
        make_driver(key_columns={"public.t": ["k"]}, slot="other").get_snapshot_iterator(),
        driver.get_audit_iterator(),
    ]
    told = [[row for event in events for row in event.rows if not row.get("is_directory")] for events in phases]
    assert [[row["path"] for row in rows] for rows in told] == [["/public/t/%00"]] * 3
