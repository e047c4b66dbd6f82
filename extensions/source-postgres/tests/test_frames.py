"""Batches of lines as they travel from COPY to the rows: nothing is cut, and every size is the server's."""

import io
import os
import random
import threading

import pytest

from fustor_source_postgres._fast.copier import FrameWriter
from fustor_source_postgres._fast.copying import read_frames

LINES = [b"1\tone\n", b"2\t\n", b"3\tthree\n"]
ATOMS = [
    "",
    "x",
    "NULL",
    "\t",
    "\n",
    "\r",
    "\b",
    "\f",
    "\v",
    "\\",
    "\\N",
    "\\\\t",
    "ü",
    "🐘",
    "%",
    "/",
    ",",
    " ",
    "y" * 50,
]


def framed(lines, batch_size):
    """What a writer sends of these lines."""
    reading, writing = os.pipe()

    def write():
        writer = FrameWriter(writing, batch_size)
        for line in lines:
            writer.file.write(line)
        writer.end()
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as source:
        sent = source.read()
    thread.join()
    return sent


def frames(sent):
    return [(list(frame.lengths), frame.fields) for frame in read_frames(io.BytesIO(sent))]


@pytest.mark.parametrize(
    ("batch_size", "told"),
    [
        (1, [([6], b"1\tone\t"), ([3], b"2\t\t"), ([8], b"3\tthree\t")]),
        (2, [([6, 3], b"1\tone\t2\t\t"), ([8], b"3\tthree\t")]),
        (3, [([6, 3, 8], b"1\tone\t2\t\t3\tthree\t")]),
        (9, [([6, 3, 8], b"1\tone\t2\t\t3\tthree\t")]),
    ],
)
def test_a_frame_has_a_batch_of_lines(batch_size, told):
    assert frames(framed(LINES, batch_size)) == told


def test_long_lines_make_smaller_frames():
    long = b"x" * (3 << 20) + b"\n"
    assert [len(lengths) for lengths, _ in frames(framed([long] * 5, 1_000))] == [2, 2, 1]


def test_no_lines_make_no_frame_but_the_end():
    assert frames(framed([], 10)) == []


def test_what_breaks_off_is_never_complete():
    sent = framed(LINES, 2)
    for end in range(len(sent)):
        told = read_frames(io.BytesIO(sent[:end]))
        with pytest.raises(EOFError):
            list(told)


@pytest.mark.parametrize("process_bytes", [1, 1 << 40])
def test_rows_are_what_the_server_says(database, make_driver, process_bytes):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    database.run("create table t (k text primary key, a text, n int, b text)")
    for number in range(500):
        a, b = ("".join(dice.choices(ATOMS, k=dice.randrange(4))) if dice.random() < 0.7 else None for _ in "ab")
        n = dice.choice([None, dice.randrange(1 << 31)])
        database.run("insert into t values (%s, %s, %s, %s)", f"{number}{''.join(dice.choices(ATOMS, k=2))}", a, n, b)
    said = database.run(
        "select a, n, b, coalesce(octet_length(a), 0) + coalesce(octet_length(n::text), 0)"
        " + coalesce(octet_length(b), 0) from t"
    )
    driver = make_driver(process_bytes=process_bytes, columns={"public.t": ["a", "n", "b"]})
    told = [
        (*row["record"].values(), row["size"])
        for event in driver.get_snapshot_iterator(batch_size=7)
        for row in event.rows
    ]
    assert told == said
