"""Three versions of a file made one: nothing that either side wrote is lost without being marked."""

import random
import time

import pytest

from fustor_new.template.merge import Merged, has_markers, merge, with_ends_of

BASE = b"1\n2\n3\n4\n5\n6\n"
CASES = {
    "both far apart": (BASE, b"one\n2\n3\n4\n5\n6\n", b"1\n2\n3\n4\n5\nsix\n", b"one\n2\n3\n4\n5\nsix\n", 0),
    "both the same": (BASE, b"1\n2\nx\n4\n5\n6\n", b"1\n2\nx\n4\n5\n6\n", b"1\n2\nx\n4\n5\n6\n", 0),
    "the same and another": (BASE, b"1\n2\nx\n4\n5\n6\n", b"1\n2\nx\n4\n5\n", b"1\n2\nx\n4\n5\n", 0),
    "only mine": (BASE, b"mine\n", BASE, b"mine\n", 0),
    "only theirs": (BASE, BASE, b"theirs\n", b"theirs\n", 0),
    "one line": (b"a\n", b"b\n", b"c\n", b"<<<<<<< yours\nb\n=======\nc\n>>>>>>> t\n", 1),
    "edited and deleted": (
        BASE,
        b"1\n2\nx\n4\n5\n6\n",
        b"1\n2\n4\n5\n6\n",
        b"1\n2\n<<<<<<< yours\nx\n=======\n>>>>>>> t\n4\n5\n6\n",
        1,
    ),
    "both new": (b"", b"a\nb\nc\n", b"a\nx\nc\n", b"a\n<<<<<<< yours\nb\n=======\nx\n>>>>>>> t\nc\n", 1),
    "both new, one empty": (b"", b"", b"a\n", b"a\n", 0),
    "CRLF, untouched": (b"a\nb\n", b"a\r\nb\r\n", b"a\nc\n", b"a\r\nc\r\n", 0),
    "CRLF, conflict": (b"a\n", b"b\r\n", b"c\n", b"<<<<<<< yours\r\nb\r\n=======\r\nc\r\n>>>>>>> t\r\n", 1),
    "LF over CRLF": (b"a\r\nb\r\n", b"a\nB\n", b"A\r\nb\r\n", b"<<<<<<< yours\na\nB\n=======\nA\nb\n>>>>>>> t\n", 1),
    "mixed ends": (BASE, b"1\r\n2\n3\n4\n5\n6\n", b"1\n2\n3\n4\n5\nsix\n", b"1\r\n2\n3\n4\n5\nsix\n", 0),
    "no end": (b"a\nb\nc\nd", b"A\nb\nc\nd", b"a\nb\nc\nD", b"A\nb\nc\nD", 0),
    "no end, conflict": (b"a", b"b", b"c", b"<<<<<<< yours\nb\n=======\nc\n>>>>>>> t\n", 1),
    "end taken beside a change": (
        b"a\nb\n",
        b"a\nb",
        b"x\nb\n",
        b"<<<<<<< yours\na\nb\n=======\nx\nb\n>>>>>>> t\n",
        1,
    ),
    "no text, mine": (b"a\0", b"b\0", b"a\0", b"b\0", 0),
    "no text, theirs": (b"a\0", b"a\0", b"c\0", b"c\0", 0),
    "no text, both": (b"a\0", b"b\0", b"c\0", b"b\0", -1),
    "no text, both the same": (b"a\0", b"b\0", b"b\0", b"b\0", 0),
    "no UTF-8": (b"\xff\nb\nc\nd\n", b"\xfe\nb\nc\nd\n", b"\xff\nb\nc\n\xfd\n", b"\xfe\nb\nc\n\xfd\n", 0),
}


@pytest.mark.parametrize("case", CASES)
def test_three_become_one(case):
    base, mine, theirs, expected, conflicts = CASES[case]
    made = merge(base, mine, theirs, "t")
    assert (made.data, made.conflicts) == (expected, conflicts)
    assert has_markers(made.data) is (conflicts > 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"Title\n=======\n\ntext\n", False),
        (b"<<<<<<< a\nx\n", False),
        (b"<<<<<<<\n=======\n>>>>>>>\n", False),
        (b">>>>>>> a\n=======\n<<<<<<< b\n", False),
        (b"x\n<<<<<<< HEAD\na\n||||||| base\nb\n=======\nc\n>>>>>>> branch\n", True),
        (b"<<<<<<< a\r\n=======\r\n>>>>>>> b\r\n", True),
        (b"<<<<<<< a\n=======\n>>>>>>> b", True),
        (b"    <<<<<<< a\n    =======\n    >>>>>>> b\n", False),
    ],
)
def test_marks_are_told_from_what_looks_like_them(text, expected):
    assert has_markers(text) is expected


@pytest.mark.parametrize("like", [b"", b"x", b"a\r\nb\n"])
def test_ends_are_taken_over_only_where_they_are_all_alike(like):
    assert with_ends_of(like, b"a\nb\n") == b"a\nb\n"


def edited(source, lines, side):
    """The lines with a few of them replaced, deleted, doubled or preceded by new ones of that side."""
    result = list(lines)
    for number in range(source.randrange(5)):
        place = source.randrange(len(result) + 1)
        result[place : place + source.randrange(3)] = [f"{side}{number}\n".encode()] * source.randrange(3)
    return result


def test_no_line_of_either_side_is_lost_and_what_is_clean_is_right(rng):
    for _ in range(2000):
        base = [f"{rng.randrange(8)}\n".encode() for _ in range(rng.randrange(20))]
        mine, theirs = edited(rng, base, "mine"), edited(rng, base, "theirs")
        made = merge(b"".join(base), b"".join(mine), b"".join(theirs), "t")
        lines = made.data.splitlines(keepends=True)
        for side, own in ((b"mine", mine), (b"theirs", theirs)):
            assert [line for line in own if line.startswith(side)] == [line for line in lines if line.startswith(side)]
        assert (made.conflicts > 0) is has_markers(made.data)
        if theirs == base:
            assert made.data == b"".join(mine)


def test_it_is_the_same_whichever_side_is_called_mine_but_for_the_marks(rng):
    """How many marks a conflict is cut into depends on the order of the sides, as the lines they share are sought."""
    for _ in range(500):
        base = [f"{rng.randrange(8)}\n".encode() for _ in range(rng.randrange(20))]
        sides = [b"".join(edited(rng, base, side)) for side in ("a", "b")]
        made = [merge(b"".join(base), one, other, "t") for one, other in (sides, reversed(sides))]
        assert (made[0].conflicts > 0) is (made[1].conflicts > 0)
        if not made[0].conflicts:
            assert made[0].data == made[1].data


def test_a_line_that_is_everywhere_in_a_long_file_still_counts():
    base = b"return\n\n" * 150
    assert merge(base, b"mine\n" + base, base + b"theirs\n", "t") == Merged(b"mine\n" + base + b"theirs\n")


def test_a_long_file_full_of_equal_lines_takes_no_minutes():
    source = random.Random(1)
    base = [source.choice([b"\n", b"    return\n", b"line %d\n" % number]) for number in range(6000)]
    mine, theirs = list(base), list(base)
    mine[100:200], theirs[5000:5100] = [b"mine\n"] * 50, [b"theirs\n"] * 50
    before = time.process_time()
    made = merge(b"".join(base), b"".join(mine), b"".join(theirs), "t")
    print(f"{time.process_time() - before:.1f} s")
    assert made.conflicts == 0
    assert (made.data.count(b"mine\n"), made.data.count(b"theirs\n")) == (50, 50)
