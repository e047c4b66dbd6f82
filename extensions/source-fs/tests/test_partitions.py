import json
import os
import random
import shutil
from collections import Counter

import pytest

from fustor_core.exceptions import ConfigError, DriverError
from fustor_source_fs import _cutting
from fustor_source_fs._ranges import Range


@pytest.fixture
def parts_of(make_driver, rows_of):
    """Rows of each partition, read by instances of their own from what the first one said, as JSON."""

    def parts(n, between=lambda: None, **params):
        tokens = json.loads(json.dumps(make_driver(**params).get_snapshot_partitions(n)))
        between()
        drivers = [make_driver(**params) for _ in tokens]
        return [rows_of(one.get_snapshot_iterator(partition=token)) for one, token in zip(drivers, tokens, strict=True)]

    return parts


@pytest.fixture
def require_whole(parts_of, make_driver, rows_of):
    """How many partitions there are; together they have the rows of the snapshot."""

    def require(n, **params):
        parts = parts_of(n, **params)
        found = [one for part in parts for one in part]
        expected = rows_of(make_driver(**params).get_snapshot_iterator())
        assert Counter(one["path"] for one in found) == Counter(one["path"] for one in expected)
        assert sorted(found, key=lambda one: one["path"]) == sorted(expected, key=lambda one: one["path"])
        return len(parts)

    return require


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode("utf-8", "surrogateescape"))


def grow(place, chance, levels):
    """Files and directories with names that sort in unusual ways: before and after the separator, or not as text."""
    names = ("a", "a b", "a.b", "a-b", "a0", "b", ".hidden", "caf\udce9", "caf\u00e9", "\ufffdE9", "new\nline", "~")
    for name in chance.sample(names, chance.randint(0, len(names))):
        if levels and chance.random() < 0.5:
            (place / name).mkdir()
            grow(place / name, chance, levels - 1)
        else:
            (place / name).write_bytes(name.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("seed", range(10))
def test_partitions_together_are_the_snapshot_each_row_once(root, require_whole, seed):
    chance = random.Random(seed)
    make(root, "a/a/one")
    grow(root / "a/a", chance, 3)
    for n in (1, 2, 3, 7, 30):
        require_whole(n)


@pytest.mark.parametrize("seed", range(10))
def test_any_cuts_do(root, make_driver, rows_of, seed):
    chance = random.Random(seed)
    grow(root, chance, 3)
    make(root, "one")
    driver = make_driver()
    expected = Counter(row["path"] for row in rows_of(driver.get_snapshot_iterator()))
    cuts = chance.sample(sorted(expected - Counter(["/"])), min(4, len(expected) - 1))
    cuts = sorted([*cuts, *(f"{path}/gone" for path in cuts[:2])], key=lambda path: path.split("/"))
    tokens = [
        {"root": root.stat().st_ino, "first": first, "end": end}
        for first, end in zip([None, *cuts], [*cuts, None], strict=True)
    ]
    parts = [rows_of(driver.get_snapshot_iterator(partition=token)) for token in tokens]
    assert Counter(row["path"] for part in parts for row in part) == expected


@pytest.mark.parametrize(
    ("path", "is_held"),
    [("/", False), ("/a", False), ("/a/x", True), ("/a/x/y", True), ("/a b", True), ("/b", True), ("/b/c", False)],
)
def test_paths_are_in_order_name_by_name(path, is_held):
    assert Range(root=1, first="/a/x", end="/b/c").holds(path) == is_held


def test_a_single_chain_of_directories_is_cut_further_down(root, require_whole):
    make(root, *(f"one/two/three/{number // 10}/{number}" for number in range(100)))
    assert require_whole(4) == 4


def test_partitions_are_about_as_large(root, parts_of):
    make(root, *map(str, range(1000)))
    assert [len(part) for part in parts_of(4)] == [251, 250, 250, 250]


def test_of_a_level_with_many_names_a_sample_is_kept_and_says_how_much_there_is(root, parts_of, monkeypatch):
    monkeypatch.setattr(_cutting, "_NAMES", 64)
    monkeypatch.setattr(_cutting, "_LEAST_NAMES", 4)
    make(root, *(f"{folder}/{number:04}" for folder in range(8) for number in range(100 + folder)))
    kept, keep = [], _cutting._Survey._names
    monkeypatch.setattr(_cutting._Survey, "_names", lambda *given: kept.append(keep(*given)) or kept[-1])
    parts = parts_of(4)
    assert max(len(names) for names, _ in kept) <= 8
    assert sum(map(len, parts)) == 1 + 8 + sum(range(100, 108))
    assert max(map(len, parts)) < 2 * min(map(len, parts))


def test_directories_that_were_not_looked_into_count_alike_and_more_than_files(root, parts_of):
    make(root, *(f"d{folder:02}/{number}" for folder in range(60) for number in range(3)), *map(str, range(30)))
    folders = [sum(row["is_directory"] for row in part) for part in parts_of(3)]
    assert folders == [21, 20, 20]


def test_a_tree_with_nothing_in_it_is_not_cut(root, make_driver, require_whole):
    assert make_driver().get_snapshot_partitions(5) == [None]
    assert require_whole(5) == 1
    make(root, "one")
    assert require_whole(1) == 1


def test_links_to_directories_hard_links_and_loops_are_as_in_the_snapshot(root, require_whole):
    make(root, *(f"real/deep/{number}" for number in range(40)))
    os.link(root / "real/deep/1", root / "real/same")
    (root / "short").symlink_to("real/deep")
    (root / "real/up").symlink_to("..")
    for here, there in (("x", "y"), ("y", "x")):
        (root / here).mkdir()
        (root / here / "link").symlink_to(f"../{there}")
    for n in (2, 5, 60):
        assert require_whole(n) > 1
        assert require_whole(n, follow_symlinks=True) > 1


def test_patterns_are_those_of_the_snapshot(root, require_whole):
    files = (f"{number}.{kind}" for number in range(9) for kind in ("log", "csv"))
    make(root, *(f"{folder}/{file}" for file in files for folder in ("build", "keep", "z")))
    assert require_whole(6, exclude=["build/", "*.log"]) > 1
    assert require_whole(6, include=["*.csv"]) > 1


def test_patterns_that_leave_out_every_file_end_with_the_error_of_the_snapshot(root, parts_of):
    make(root, *(f"{number}/x.log" for number in range(20)))
    with pytest.raises(ConfigError, match="leave out every file"):
        parts_of(4, include=["*.csv"])
    assert len(parts_of(4, include=["*.csv"], allow_empty_root=True)) == 4
    make(root, "19/deep/y.csv")
    assert len(parts_of(4, include=["*.csv"])) == 4


def test_what_comes_later_is_in_one_partition_wherever_it_comes(root, parts_of):
    make(root, *(f"only/d{number // 10}/{number}" for number in range(100)))
    late = ["!", "only/!", "only/d5/0", "only/d55/x", "only/~", "~"]
    found = Counter(row["path"] for part in parts_of(7, lambda: make(root, *late)) for row in part)
    assert {path: found[f"/{path}"] for path in late} == dict.fromkeys(late, 1)
    assert set(found.values()) == {1}


@pytest.mark.parametrize("replace", [lambda _: None, lambda path: path.write_bytes(b"")])
def test_a_directory_that_a_cut_goes_through_may_go(root, parts_of, replace):
    make(root, *(f"only/{number}" for number in range(100)), "z")

    def between():
        shutil.rmtree(root / "only")
        replace(root / "only")

    found = [row["path"] for part in parts_of(4, between) for row in part]
    assert sorted(found) == ["/", *["/only"] * (root / "only").exists(), "/z"]


def test_a_directory_that_a_cut_goes_through_and_nobody_may_list_is_marked_by_one_reader_and_ends_the_others(
    public_root, make_driver, rows_of, as_nobody
):
    make(public_root, *(f"only/{number}" for number in range(100)))
    driver = make_driver(uri=str(public_root))
    first, *others = driver.get_snapshot_partitions(4)
    (public_root / "only").chmod(0)
    as_nobody()
    rows = rows_of(driver.get_snapshot_iterator(partition=first))
    assert [(row["path"], "audit_skipped" in row) for row in rows] == [("/", False), ("/only", False), ("/only", True)]
    for token in others:
        with pytest.raises(DriverError, match="which several partitions divide"):
            rows_of(driver.get_snapshot_iterator(partition=token))


@pytest.mark.parametrize("is_made_again", [True, False])
def test_a_root_that_is_empty_or_another_one_is_no_part_of_the_snapshot(root, parts_of, is_made_again):
    make(root, *(f"{number}" for number in range(40)))

    def between():
        if is_made_again:
            root.rename(root.with_name("aside"))
            make(root, "other")
        else:
            for path in root.iterdir():
                path.unlink()

    with pytest.raises(DriverError, match="is empty here, or not the directory"):
        parts_of(4, between)


@pytest.mark.parametrize("token", [7, "x", {"first": "/a"}, {"root": 1, "last": "/a"}])
def test_a_token_of_somebody_else_is_refused(make_driver, token):
    with pytest.raises(DriverError, match="ask for new ones"):
        make_driver().get_snapshot_iterator(partition=token)
