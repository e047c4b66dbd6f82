"""Unregistering is the inverse of registering: the very bytes come back, and what others wrote stays."""

import itertools
import re
import shutil
import subprocess
import tomllib
from collections import Counter

import pytest
from root_shapes import SHAPES, VARIANTS, before_and_after, random_array, random_root

from fustor_new.workspace.registration import register
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.unregistration import is_registered, unregister

REDIS = ("extensions/source-redis", "fustor-source-redis")
DRIVERS = [REDIS, ("extensions/pusher-kafka", "fustor-pusher-kafka"), ("extensions/source-z", "fustor-source-z")]
ALREADY_THERE = {"sources, listed"}  # the author had registered it: register adds nothing, unregister takes it out


def registered(root, text, *drivers):
    for driver in drivers:
        text = register(Workspace.parse(root, text), *driver)
    return text


def without(root, text, *drivers, **options):
    for driver in drivers:
        text = unregister(Workspace.parse(root, text), *driver, **options)
    return text


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SHAPES)
def test_the_very_bytes_come_back(tmp_path, name, variant):
    before, after = before_and_after(SHAPES[name], variant)
    back = without(tmp_path, after, REDIS)
    if name in ALREADY_THERE:
        assert b"redis" not in back
    else:
        assert back.decode() == before.decode()
    assert without(tmp_path, back, REDIS) == back


def check_any_order(root, text, drivers):
    """Register the drivers, unregister them in every order; the others stay at each step."""
    full = registered(root, text, *drivers)
    for order in itertools.permutations(drivers):
        left = full
        for number, driver in enumerate(order):
            left = without(root, left, driver)
            for other in order[number + 1 :]:
                assert is_registered(Workspace.parse(root, left), *other) == is_registered(
                    Workspace.parse(root, full), *other
                )
        assert left.decode() == text.decode(), order


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - ALREADY_THERE))
def test_two_drivers_go_in_either_order(tmp_path, name):
    before, _ = before_and_after(SHAPES[name], "as is")
    check_any_order(tmp_path, before, DRIVERS[:2])


@pytest.mark.full
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", sorted(SHAPES.keys() - ALREADY_THERE))
def test_three_drivers_go_in_any_order_however_they_came(tmp_path, name, variant):
    before, _ = before_and_after(SHAPES[name], variant)
    for drivers in (DRIVERS, DRIVERS[::-1]):
        check_any_order(tmp_path, before, drivers)


@pytest.mark.parametrize(
    "count",
    [
        30,
        pytest.param(300, marks=pytest.mark.wide),
        pytest.param(10_000, marks=pytest.mark.full),
    ],
)
def test_any_layout_of_an_array_comes_back(tmp_path, rng, count):
    for _ in range(count):
        newline = rng.choice(["\n", "\r\n"])
        text, values = random_array(rng, newline)
        old = f"[tool.uv.workspace]{newline}members = {text} # end{newline}[a]{newline}".encode()
        assert without(tmp_path, registered(tmp_path, old, REDIS), REDIS) == old
        if values:
            check_taken_by_hand(tmp_path, old, values, rng.choice(values))


@pytest.mark.parametrize(
    "count",
    [
        5,
        pytest.param(25, marks=pytest.mark.wide),
        pytest.param(1_000, marks=pytest.mark.full),
    ],
)
def test_any_root_comes_back_after_two_drivers_in_either_order(tmp_path, rng, count):
    for _ in range(count):
        text = random_root(rng)
        full = registered(tmp_path, text, *DRIVERS[:2])
        for order in (DRIVERS[:2], DRIVERS[1::-1]):
            assert without(tmp_path, full, *order, keep_table=True).decode() == text.decode(), order


def test_an_inline_table_keeps_its_commas_without_blanks(tmp_path):
    """Between the two, another order of the names decides where register would put the second one."""
    sources = "{z = {workspace=true},a = {path='x'},fustor-core = {workspace=true},fustor-source-m = {workspace=true}}"
    text = f"[tool.uv]\nsources = {sources}\n[tool.uv.workspace]\nexclude = ['x']\n".encode()
    full = registered(tmp_path, text, *DRIVERS[:2])
    for order in (DRIVERS[:2], DRIVERS[1::-1]):
        assert without(tmp_path, full, *order, keep_table=True) == text


@pytest.mark.parametrize("order", [DRIVERS[:2], DRIVERS[1::-1]], ids=["first", "last"])
def test_an_array_keeps_the_wide_blanks_behind_its_commas(tmp_path, order):
    """The one that is taken out from between leaves the blanks of one comma, not of two."""
    text = b"[tool.uv.workspace]\nmembers = [  'x'\t\t,  'packages/core'\t,  ]\n"
    assert without(tmp_path, registered(tmp_path, text, *DRIVERS[:2]), *order, keep_table=True) == text


@pytest.mark.parametrize("blanks", ["  ", "\t ", "\t\t\t"], ids=["two", "tab", "tabs"])
def test_an_array_of_one_by_hand_keeps_no_wide_gap_without_it(tmp_path, blanks):
    text = "[tool.uv.workspace]\nexclude = ['x']\nmembers = {}\n"
    old = text.format(f"['{REDIS[0]}',{blanks}]").encode()
    assert without(tmp_path, old, REDIS) == text.format("[]").encode()


@pytest.mark.parametrize("table", ["{fustor-source-m = {workspace=true}}", "{ fustor-source-m = {workspace=true} }"])
def test_an_inline_table_keeps_the_blanks_behind_its_brace(tmp_path, table):
    text = f"[tool.uv.workspace]\nmembers = []\n[tool.uv]\nsources = {table}\n".encode()
    full = registered(tmp_path, text, *DRIVERS[:2])
    for order in (DRIVERS[:2], DRIVERS[1::-1]):
        assert without(tmp_path, full, *order, keep_table=True) == text


def check_taken_by_hand(root, old, values, value):
    """An entry that nobody registered goes too: with no comment, no other entry, and no line break of another kind."""
    new = without(root, old, (value, "x"))
    expected = [other for other in values if other != value]
    assert tomllib.loads(new.decode())["tool"]["uv"]["workspace"].get("members", []) == expected, (old, new)
    assert new.count(b"#") == old.count(b"#") - value.count("#"), (old, new)
    assert (b"\r" in old) == (b"\r" in new)
    assert b"\r" not in old or b"\n" not in new.replace(b"\r\n", b""), (old, new)


EDITED = {
    "a comment behind": (
        '[tool.uv.workspace]\nmembers = [\n    "a",\n    ⟦"extensions/source-redis", ⟧# mine\n    "x",\n]\n'
    ),
    "a comment above": '[tool.uv.workspace]\nmembers = [\n    # mine\n⟦    "extensions/source-redis",\n⟧    "x",\n]\n',
    "a comment before its comma": (
        '[tool.uv.workspace]\nmembers = [\n    ⟦"extensions/source-redis"⟧ # mine\n    ⟦, ⟧"x"\n]\n'
    ),
    "another spelling": '[tool.uv.workspace]\nmembers = ["a", ⟦"./extensions//source-redis/", ⟧"b"]\n',
    "twice": '[tool.uv.workspace]\nmembers = ["a"⟦, "extensions/source-redis", "./extensions/source-redis"⟧]\n',
    "a comment behind a source": (
        "[tool.uv.sources]\n⟦fustor-source-redis = { workspace = true } ⟧# mine\nz = { workspace = true }\n"
    ),
    "more in the source": (
        "[tool.uv.sources]\na = 1\n"
        '⟦fustor-source-redis = { workspace = true, marker = "x" }\n⟧z = { workspace = true }\n'
    ),
    "comments in a block": (
        "[tool.uv.sources.a]\nworkspace = true\n\n⟦[tool.uv.sources.fustor-source-redis]\n⟧# mine\n⟦workspace = true\n⟧"
    ),
    "an extra and a version": (
        '[project.optional-dependencies]\ndev = ["a", ⟦"fustor-source-redis[test]>=1", ⟧"b"]\n'
        'other = ["fustor-source-redis"]\n'
    ),
    "the only one of a group": '[dependency-groups]\ndev = [⟦"Fustor_Source.Redis"⟧]\n',
    "a source from elsewhere": '[tool.uv.sources]\nfustor-source-redis = { path = "../x" }\n',
    "covered": '[tool.uv.workspace]\nmembers = ["extensions/*"]\n',
}


@pytest.mark.parametrize("case", EDITED)
def test_what_an_author_wrote_around_it_stays(tmp_path, case):
    text = re.sub("[⟦⟧]", "", EDITED[case]).encode()
    after = re.sub("⟦[^⟧]*⟧", "", EDITED[case])
    new = without(tmp_path, text, REDIS).decode()
    assert tomllib.loads(new) == tomllib.loads(after)
    lost = Counter(after.split()) - Counter(new.split())
    assert not lost, new


def test_a_table_that_was_there_before_stays_where_the_caller_knows(tmp_path):
    text = b'[project]\nname = "r"\n\n[tool.uv.workspace]\n'
    new = registered(tmp_path, text, REDIS)
    assert without(tmp_path, new, REDIS, keep_table=True) == text
    assert without(tmp_path, new, REDIS) == b'[project]\nname = "r"\n'


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_uv_still_finds_the_other_driver(tmp_path):
    text = registered(tmp_path, b"[tool.uv.workspace]\n", *DRIVERS)
    for directory, distribution in DRIVERS:
        (tmp_path / directory).mkdir(parents=True)
        (tmp_path / directory / "pyproject.toml").write_text(f'[project]\nname = "{distribution}"\nversion = "1"\n')
    (tmp_path / "pyproject.toml").write_bytes(without(tmp_path, text, REDIS, DRIVERS[2]))
    command = ["uv", "workspace", "list", "--offline", "--no-config"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fustor-pusher-kafka"]
