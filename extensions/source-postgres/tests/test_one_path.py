"""One row has one path, in every phase."""

import pytest


def paths_in(events):
    return [row["path"] for event in events for row in event.rows if not row.get("is_directory")]


@pytest.mark.parametrize(
    "identity",
    ["default", "full", "using index t_pkey", "using index more", "using index same"],
)
def test_columns_that_a_key_merely_includes_are_no_part_of_the_path(database, make_driver, read, identity):
    database.run("create table t (id int, b text not null, c int, primary key (id) include (b))")
    database.run("create unique index more on t (b, id)")
    database.run("create unique index same on t (id) include (c)")
    database.run(f"alter table t replica identity {identity}")
    database.run("insert into t values (1, 'b', 1)")
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    snapshot = paths_in(driver.get_snapshot_iterator())
    audit = paths_in(driver.get_audit_iterator())
    database.run("update t set c = 2")
    database.run("update t set b = 'd'")
    database.run("delete from t")
    streamed = [row["path"] for _, row in reading.rows(3)]
    assert snapshot == audit == ["/public/t/1"]
    assert streamed == ["/public/t/1"] * 3


def test_an_index_that_merely_includes_the_key_does_not_name_rows(database, make_driver):
    database.run("create table t (id int primary key, b text not null)")
    database.run("create unique index other on t (b) include (id)")
    database.run("alter table t replica identity using index other")
    driver = make_driver(tables=["public.t"])
    with pytest.raises(Exception, match="do not name their row"):
        driver.get_message_iterator(-1)


def test_a_row_whose_key_includes_columns_moves_once(database, make_driver, read):
    database.run("create table t (id int, b text, primary key (id) include (b))")
    database.run("insert into t values (1, 'b')")
    reading = read(make_driver().get_message_iterator(-1))
    database.run("update t set id = 2, b = 'c'")
    assert [(kind, row["path"]) for kind, row in reading.rows(2)] == [
        ("delete", "/public/t/1"),
        ("insert", "/public/t/2"),
    ]
