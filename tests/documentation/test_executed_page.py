"""Whoever follows a page sees where it lies."""

import os

import pytest
from executed_page import Reader, blocks_of, commands_of, edited, is_shown

PAGE = """\
Write this into

`notes/a.txt`:

```
one
two
three
```

and look at it:

```console
$ cd notes
$ cat a.txt
one
...
three
$ echo
```

Change it in

`a.txt`:

```diff
 one
-two
+2
@@
-three
+3
```

```console
$ cat \\
>     a.txt
one 2
3
```

```text
a picture
```
"""


def follow(folder, page):
    (folder / "page.md").write_text(page)
    with Reader(folder, {"PATH": os.environ["PATH"]}) as reader:
        return [command for command, _ in reader.follow(folder / "page.md")]


def test_a_true_page_is_followed_to_its_end(tmp_path):
    assert follow(tmp_path, PAGE) == ["cd notes", "cat a.txt", "echo", "cat \\\n    a.txt"]
    assert (tmp_path / "notes/a.txt").read_text() == "one\n2\n3\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("one\n...", "zero\n...", "`cat a.txt` shows\none"),
        ("\none 2\n3\n", "\none 2\n3\n4\n", r"not\none 2"),
        ("-two", "-twelve", r"a\.txt: These lines are there 0 times"),
        ("$ echo", "$ ech", "page.md, line 13: `ech` ends with 127"),
        ("```text", "```python", "page.md, line 42: a block 'python' is neither"),
        ("$ echo", "$ exit 3", "`exit 3` has ended the shell"),
    ],
)
def test_a_page_that_lies_is_not(tmp_path, old, new, said):
    with pytest.raises(AssertionError, match=said):
        follow(tmp_path, PAGE.replace(old, new, 1))


def test_what_is_shown_may_be_broken_into_other_lines():
    assert is_shown("a b\n  c ... e", "a\nb c   d\n\n e\n")
    assert not is_shown("a c", "ab c")
    assert not is_shown("a", "a b")


def test_a_place_that_is_there_twice_is_not_edited():
    with pytest.raises(AssertionError, match="there 2 times"):
        edited("a\na\n", "-a\n+b\n")


def test_blocks_know_their_lines_and_files():
    assert [(block.line, block.kind, block.file) for block in blocks_of(PAGE)][:2] == [
        (5, "", "notes/a.txt"),
        (13, "console", None),
    ]
    assert commands_of("$ a\n> b\nshown\n> c\n$ d\n") == [("a\nb", "shown\n> c\n"), ("d", "")]
