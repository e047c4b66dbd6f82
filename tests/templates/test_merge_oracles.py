"""Our merge beside two others that many people use: a library in Python, and git."""

import shutil
import subprocess
import time
from difflib import SequenceMatcher

import pytest
from merge3 import Merge3

from fustor_new.template.merge import Merged, aligned, has_markers, merge

COUNTS = [pytest.param(300), pytest.param(10_000, marks=pytest.mark.full)]
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class OurMatcher(SequenceMatcher):
    """Our alignment, as the library asks for it."""

    def __init__(self, _junk=None, a=(), b=()):
        super().__init__(None, a, b, autojunk=False)

    def get_matching_blocks(self):
        return [*((*pair, 1) for pair in aligned(self.a, self.b)), (len(self.a), len(self.b), 0)]


def of_library(base, mine, theirs, matcher=OurMatcher):
    """Return what the library makes of three lists of lines, with our marks."""
    three = Merge3(base, mine, theirs, sequence_matcher=matcher)
    parts, conflicts = [], 0
    for region in three.reprocess_merge_regions(three.merge_regions()):
        if region[0] == "conflict":
            conflicts += 1
            parts += [b"<<<<<<< yours\n", *mine[region[3] : region[4]], b"=======\n"]
            parts += [*theirs[region[5] : region[6]], b">>>>>>> t\n"]
        else:
            parts += {"unchanged": base, "b": theirs}.get(region[0], mine)[region[1] : region[2]]
    return Merged(b"".join(parts), conflicts)


def edited(rng, lines, fresh):
    """Return the lines with a few places edited: lines taken out, new ones of `fresh` put in."""
    result = list(lines)
    for _ in range(rng.choice([0, 1, 1, 2, 3, 6])):
        place = rng.randrange(len(result) + 1)
        new = [rng.choice(fresh) for _ in range(rng.randrange(4))]
        result[place : place + rng.randrange(4)] = new
    return result


def triple(rng, *, distinct):
    size = rng.choice([0, 1, 3, 10, 40])
    base = [b"%d\n" % (number if distinct else rng.randrange(6)) for number in range(size)]
    sides = []
    for side in (b"m", b"t"):
        own = [side + b"%d\n" % number for number in range(50)]
        shared = [b"s%d\n" % number for number in range(3)]
        sides.append(edited(rng, base, own if distinct else [*own[:3], *shared, *base]))
    if distinct:  # a line may come once on a side, so that there is one way to align it
        sides = [list(dict.fromkeys(side)) for side in sides]
    return base, *sides


@pytest.mark.parametrize("count", COUNTS)
def test_it_is_what_the_library_makes_of_the_same_alignment(rng, count):
    for _ in range(count):
        base, mine, theirs = triple(rng, distinct=rng.random() < 0.3)
        ours = merge(b"".join(base), b"".join(mine), b"".join(theirs), "t")
        if mine not in (base, theirs) and theirs != base:
            expected = of_library(base, mine, theirs)
            assert (ours.data, ours.conflicts) == (expected.data, expected.conflicts), (base, mine, theirs)


@pytest.mark.parametrize("count", COUNTS)
def test_where_lines_can_be_aligned_in_one_way_it_is_what_the_library_makes_alone(rng, count):
    for _ in range(count):
        base, mine, theirs = triple(rng, distinct=True)
        ours = merge(b"".join(base), b"".join(mine), b"".join(theirs), "t")
        if mine not in (base, theirs) and theirs != base:
            expected = of_library(base, mine, theirs, SequenceMatcher)
            assert (ours.conflicts > 0) is (expected.conflicts > 0), (base, mine, theirs)
            assert ours.conflicts or ours.data == expected.data, (base, mine, theirs)


def of_git(folder, base, mine, theirs):
    """Return what `git merge-file` makes of it, and whether it is without a conflict."""
    for name, lines in (("base", base), ("mine", mine), ("theirs", theirs)):
        (folder / name).write_bytes(b"".join(lines))
    command = ["git", "merge-file", "-p", "-q", "mine", "base", "theirs"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.stdout, done.returncode == 0


@needs_git
@pytest.mark.parametrize("count", [pytest.param(60), pytest.param(10_000, marks=pytest.mark.full)])
def test_where_lines_can_be_aligned_in_one_way_it_is_what_git_makes(tmp_path, rng, count):
    for _ in range(count):
        base, mine, theirs = triple(rng, distinct=True)
        ours = merge(b"".join(base), b"".join(mine), b"".join(theirs), "t")
        data, is_clean = of_git(tmp_path, base, mine, theirs)
        assert (ours.conflicts == 0) is is_clean, (base, mine, theirs)
        assert not is_clean or ours.data == data, (base, mine, theirs)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_ends_of_lines_and_the_end_of_the_file_do_not_change_what_is_merged(rng, count, newline):
    for _ in range(count // 3):
        base, mine, theirs = triple(rng, distinct=True)
        plain = merge(b"".join(base), b"".join(mine), b"".join(theirs), "t")
        spelled = merge(*(b"".join(side).replace(b"\n", newline) for side in (base, mine, theirs)), "t")
        assert spelled.data == plain.data.replace(b"\n", newline)
        cut = merge(*(b"".join(side).removesuffix(b"\n") for side in (base, mine, theirs)), "t")
        assert has_markers(cut.data) is (cut.conflicts > 0)
        lines = set(cut.data.split(b"\n"))
        assert all(line.strip() in lines for line in mine if line.startswith(b"m"))
        assert all(line.strip() in lines for line in theirs if line.startswith(b"t"))


HARD = {
    "all alike": lambda _: b"x\n",
    "two kinds": lambda rng: rng.choice([b"x\n", b"\n"]),
    "a hundred kinds": lambda rng: b"%d\n" % rng.randrange(100),
    "a third alone": lambda rng: rng.choice([b"\n", b"    return\n", b"%d\n" % rng.randrange(10**9)]),
}


@pytest.mark.parametrize("kind", HARD)
def test_a_long_file_of_any_kind_is_merged_at_once(rng, kind):
    base = [HARD[kind](rng) for _ in range(20_000)]
    mine, theirs = list(base), list(base)
    for number in range(30):
        mine[number * 600 : number * 600 + 2] = [b"mine %d\n" % number]
        theirs[number * 600 + 300 : number * 600 + 301] = [b"theirs %d\n" % number] * 2
    before = time.process_time()
    made = merge(b"".join(base), b"".join(mine), b"".join(theirs), "t")
    print(f"{time.process_time() - before:.1f} s, {made.conflicts} conflicts")
    assert time.process_time() - before < 10
    assert [made.data.count(side) for side in (b"mine", b"theirs")] == [30, 60]
    assert kind != "a third alone" or made.conflicts == 0
