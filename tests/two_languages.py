"""What a page has to have in both languages: headings, blocks, lists, tables, links, and all that is quoted as code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from difflib import unified_diff
from itertools import zip_longest
from pathlib import Path
from textwrap import dedent
from typing import Any

from executed_page import blocks_of

HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
CODE = re.compile(r"`[^`]+`")
SAME_IN_CELLS = re.compile(r"\d+|`[^`]+`|\*\*[^*]+\*\*")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CELL = re.compile(r"(?<!\\)\|")
COMMENT = {"sql": re.compile(r"(?:^|(?<= ))-- .*$", re.MULTILINE), "text": re.compile(r"(?!)")}
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INDENTED_BLOCK = re.compile(r"^( +)```.*?^\1```$", re.MULTILINE | re.DOTALL)
ANY_COMMENT = re.compile(r"(?:^|(?<= ))# .*$", re.MULTILINE)
PLACES = {"blocks": ("block", "part"), "tables": ("table", "line", "cell")}

Table = list[list[list[str]]]
"""The rows of a table, their cells, and what is the same in both languages in each."""


@dataclass(frozen=True)
class Section:
    """What is below a heading, and before the next one, except for its words."""

    level: int
    blocks: list[tuple[str, str | None, str]]
    """Kind, file and text of each; a comment in one may be translated, and has to be there."""
    tables: list[Table]
    points: int
    steps: int
    code: set[str]
    amendments: int
    """How often the text says that it was amended."""
    links: set[str]
    """Addresses, and pages and pictures by their English names; of a place on one only that it is one."""


def english_of(page: Path) -> Path:
    """The page in English that a page in Chinese belongs to, and the picture with English words."""
    if page.name.endswith(".zh.md"):
        return page.with_name(page.name.replace(".zh.", "."))
    return Path(page.as_posix().replace("/docs/zh/", "/docs/").replace("/pictures/zh/", "/pictures/"))


def text_of(page: Path) -> str:
    """A page whose blocks of code all begin with the line, those of a list too."""
    return INDENTED_BLOCK.sub(lambda block: dedent(block[0]), page.read_text(encoding="utf-8"))


def prose_of(page: Path) -> str:
    """A page without its blocks of code."""
    return BLOCK.sub("", text_of(page))


def sections(page: Path) -> dict[str, Section]:
    """The sections of a page by their headings, in order."""
    text = text_of(page)
    prose = BLOCK.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    places = [*HEADING.finditer(prose)]
    ends = [place.start() for place in places[1:]] + [len(text)]
    return {
        f"{number}: {place[2]}": _section(page, len(place[1]), text[place.end() : end])
        for number, (place, end) in enumerate(zip(places, ends, strict=True), start=1)
    }


def _section(page: Path, level: int, text: str) -> Section:
    prose = BLOCK.sub("", text)
    return Section(
        level=level,
        blocks=[
            (block.kind, block.file, COMMENT.get(block.kind, ANY_COMMENT).sub("#", block.text))
            for block in blocks_of(text)
        ],
        tables=list(_tables(prose)),
        points=len(re.findall(r"^ *- ", prose, re.MULTILINE)),
        steps=len(re.findall(r"^\d+\. ", prose, re.MULTILINE)),
        code={" ".join(found.split()) for found in CODE.findall(prose)},
        amendments=len(re.findall(r"\bas\s+amended\b|经修订", prose)),
        links={target for link in LINK.findall(CODE.sub("", prose)) if (target := _target(page, link))},
    )


def _tables(prose: str) -> Iterator[Table]:
    for table in re.findall(r"(?:^\|.*\|$\n?)+", prose, re.MULTILINE):
        yield [[sorted(SAME_IN_CELLS.findall(cell)) for cell in CELL.split(row)[1:-1]] for row in table.splitlines()]


def _target(page: Path, link: str) -> str:
    """Where a link leads, the English page standing for both; nothing where it leads to the same page in a language."""
    if re.match(r"https?:", link):
        return link
    file, is_place, _ = link.partition("#")
    target = english_of((page.parent / file).resolve()) if file else english_of(page)
    return is_place if target == english_of(page) else f"{target}{is_place}"


def differences(english: Path, chinese: Path) -> list[str]:
    """In what a page in Chinese is not like the one in English; nothing where it is."""
    there, here = sections(english), sections(chinese)
    levels = [section.level for section in there.values()], [section.level for section in here.values()]
    if levels[0] != levels[1]:
        return [f"levels of headings: {levels[0]} in English, {levels[1]} in Chinese"]
    return [
        f"section {name}: {field.name}: {_unlike(left, right, PLACES.get(field.name, ()))}"
        for (name, one), other in zip(there.items(), here.values(), strict=True)
        for field in fields(Section)
        if (left := getattr(one, field.name)) != (right := getattr(other, field.name))
    ]


def _unlike(left: Any, right: Any, places: tuple[str, ...] = ()) -> str:
    """What of two values is not in both; of lists the first place, of texts the lines."""
    if isinstance(left, set):
        return f"{sorted(left - right)} only in English, {sorted(right - left)} only in Chinese"
    if isinstance(left, str) and isinstance(right, str) and "\n" in left:
        lines = unified_diff(left.splitlines(), right.splitlines(), "English", "Chinese", n=0, lineterm="")
        return "\n".join(lines)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and places:
        pairs = enumerate(zip_longest(left, right), start=1)
        number, (one, other) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
        return f"{places[0]} {number}: {_unlike(one, other, places[1:])}"
    return f"{left!r} in English, {right!r} in Chinese"


__all__ = ["CODE", "differences", "english_of", "prose_of"]
