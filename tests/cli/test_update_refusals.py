"""What `update` refuses: one clear line, and nothing is written."""

import pytest
from trees import state
from updates import ANSWERS_FILE, LATER, TODAY, edit

pytestmark = [pytest.mark.wide, pytest.mark.usefixtures("later_here")]

README = "README.md"


def link(driver):
    (driver / README).rename(driver.parent / "elsewhere")
    (driver / README).symlink_to("../elsewhere")


def link_folder(driver):
    (driver / "tests").rename(driver.parent / "elsewhere")
    (driver / "tests").symlink_to("../elsewhere")


def folder(driver):
    (driver / README).unlink()
    (driver / README).mkdir()


def answers_link(driver):
    (driver / ANSWERS_FILE).rename(driver.parent / "elsewhere")
    (driver / ANSWERS_FILE).symlink_to("../elsewhere")


def answers(text):
    return lambda driver: (driver / ANSWERS_FILE).write_bytes(text)


def answer(old, new):
    return lambda driver: edit(driver / ANSWERS_FILE, old, new)


NOW = b'"%s"' % TODAY.encode()
REFUSED = {
    "a symlink in place of a file": (link, 4, "put the file itself in its place"),
    "a symlink in place of a directory": (link_folder, 4, "put a directory in its place"),
    "a directory in place of a file": (folder, 4, "put the file itself in its place"),
    "a symlink in place of the answers": (answers_link, 4, "put the file itself in its place"),
    "no answers": (lambda driver: (driver / ANSWERS_FILE).unlink(), 2, "adopt it first"),
    "no YAML": (answers(b"a: [b"), 5, "put it back as it was rendered"),
    "nested beyond reason": (answers(b"[" * 100_000), 5, "put it back as it was rendered"),
    "no text": (answers(b"\xff\x00"), 5, "put it back as it was rendered"),
    "no mapping": (answers(b"- a"), 5, "it is not a mapping"),
    "empty": (answers(b""), 5, "it is not a mapping"),
    "keys of another kind": (answers(b"1: a"), 5, "it is not a mapping"),
    "no version": (answers(b"kind: source"), 5, "'template_version' is None"),
    "a version of another kind": (answers(b"template_version: 1.0"), 5, "'template_version' is 1.0"),
    "no version at all": (answers(b"template_version: latest"), 5, "'template_version' is 'latest'"),
    "files of another kind": (answers(b'template_version: "1.1.0"\nfiles: [a]'), 5, "'files' is not a mapping"),
    "files outside": (answers(b'template_version: "1.1.0"\nfiles: {"../a": "0"}'), 5, "'files' is not a mapping"),
    "no files": (answers(b'template_version: "1.1.0"'), 5, "'files' is not a mapping"),
    "a tag": (answers(b'template_version: !!python/object:os.system "1.1.0"'), 5, "put it back"),
    "a newer template": (
        answer(NOW, b'"99.1.0"'),
        7,
        f"newer than {LATER}, the template of this fustor-new; install a newer",
    ),
    "an unknown template": (answer(NOW, b'"0.9.0"'), 7, "'0.9.0' is not known here"),
    "a refused name": (answer(b'"redis"', b'"Bad Name"'), 5, "The template refuses the answers"),
    "a name that leads outside": (answer(b'"redis"', b'"../../x"'), 5, "The template refuses the answers"),
    "a kind that is not": (answer(b'"source"', b'"sink"'), 5, "The template refuses the answers"),
    "an answer of another kind": (answer(b"dependencies: []", b"dependencies: 7"), 5, "refuses the answers"),
    "a mapping as a name": (answer(b'name: "redis"', b"name: {a: b}"), 5, "The template refuses the answers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_updated_is_one_clear_line_and_nothing_is_written(update, driver, case):
    change, code, message = REFUSED[case]
    change(driver)
    before = state(driver.parent)
    got, out, err = update(driver)
    assert (got, out, err.count("\n")) == (code, "", 1), err
    assert message in err
    assert str(driver) in err
    assert state(driver.parent) == before
