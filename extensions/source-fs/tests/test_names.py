import json
import os
import random

import pytest

from fustor_source_fs._names import name_of, text_of

ORDINARY = ["a", "100%", "new\nline", 'quo"te', "caf\u00e9", "cafe\u0301", "\U0001f333", "%41", "\\x41", " ", "\ue000"]
HOSTILE = [b"caf\xe9", b"\xff\xfe", b"\xed\xa0\x80", "\ufffd".encode(), "\ufffdE9".encode(), b"\xc3", b"a\x80b\xf0\x9f"]


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_name_is_its_own_text(name):
    assert text_of(name) == name
    assert name_of(name) == name


@pytest.mark.parametrize("raw", HOSTILE)
def test_every_other_name_has_a_text_that_json_takes_and_that_leads_back(raw):
    text = text_of(os.fsdecode(raw))
    assert json.loads(json.dumps(text).encode("utf-8")) == text
    text.encode("utf-8")
    assert os.fsencode(name_of(text)) == raw


def test_no_two_names_share_a_text():
    seed = 20261124
    print(f"seed {seed}")
    chance = random.Random(seed)
    pieces = [*HOSTILE, b"E9", b"EF", b"\xef\xbf", b"\xbd", "\u00e9".encode(), b"a"]
    names = {b"".join(chance.choices(pieces, k=chance.randint(1, 5))) for _ in range(5000)}
    texts = {text_of(os.fsdecode(name)): name for name in names}
    assert len(texts) == len(names)
    assert all(os.fsencode(name_of(text)) == name for text, name in texts.items())


def test_the_documented_form():
    assert text_of(os.fsdecode(b"caf\xe9")) == "caf\ufffdE9"
    assert text_of("\ufffd") == "\ufffdEF\ufffdBF\ufffdBD"
