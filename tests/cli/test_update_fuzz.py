"""Answers files that nobody would write: an update ends with a documented code, and never half done."""

import os
import random
import signal

import pytest
from updates import ANSWERS_FILE, contents, package, rendered

from fustor_new.cli import run
from fustor_new.errors import EXIT_CODES

pytestmark = [pytest.mark.wide, pytest.mark.usefixtures("later_here")]

SCRAPS = [
    b"\x00", b"\xff", b"\n", b"\r\n", b" ", b"\t", b":", b"-", b"[", b"{", b"&a", b"*a", b"#", b"%", b"|", b"null",
    b"1e999", b'"', b"'", b"{{ 7*7 }}", b"../", b"1.1.0", b"99", b"files:", b"kind: pusher\n", b"---\n", b"? a\n",
    b"layout: standalone\n", b"package: ../x\n", b"<<: {a: b}\n", b"_src_path: https://example.org/x\n",
    b"!!python/name:os.system",
]  # fmt: skip
ANSWERS = set(EXIT_CODES) - {1}


def damaged(source, text):
    """The text with a few bytes taken away, repeated or put in; one in four is of a template that is yet to come."""
    if not source.randrange(4):
        text = text.replace(b'template_version: "', b'template_version: "9', 1)
    for _ in range(source.randrange(1, 4)):
        place = source.randrange(len(text))
        end = place + source.choice([0, 0, 1, 5, 40])
        text = text[:place] + source.choice([b"", text[place:end] * 2, source.choice(SCRAPS)]) + text[end:]
    return text


def check(count, seed, folder, capfd):
    source, before = random.Random(seed), signal.getsignal(signal.SIGTERM)
    driver, codes = package(folder / "driver"), set()
    for _ in range(count):
        text = damaged(source, rendered()[ANSWERS_FILE].data)
        shown = f"FUSTOR_SEED={seed} {text!r}"
        (driver / ANSWERS_FILE).write_bytes(text)
        given = contents(folder)
        code = run(["update", "--dry-run", str(driver)])
        captured = capfd.readouterr()
        assert code in ANSWERS, shown
        assert "Traceback" not in captured.err, shown
        assert code in {0, 6} or (captured.err.count("\n") == 1 and not captured.out), shown
        assert contents(folder) == given, shown
        codes.add(code)
    signal.signal(signal.SIGTERM, before)
    return codes


def test_a_sample_of_damaged_answers_ends_with_documented_codes(tmp_path, capfd):
    seed = int(os.environ.get("FUSTOR_SEED", "20261125"))
    assert {0, 5, 7} <= check(30, seed, tmp_path, capfd)


@pytest.mark.full
def test_a_thousand_damaged_answers_end_with_documented_codes(tmp_path, capfd):
    seed = int(os.environ.get("FUSTOR_SEED", str(random.randrange(2**32))))
    assert {0, 5, 7} <= check(1000, seed, tmp_path, capfd)
