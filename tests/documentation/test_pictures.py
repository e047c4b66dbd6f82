"""The pictures that are drawn from text are of today, in both languages, and say what the code says."""

import re
import runpy
import tomllib

import pytest
from packaging.requirements import Requirement
from repository import BRIDGES, PACKAGES, ROOT

from fustor_driver.hosts.status import RunState

DRAWINGS = runpy.run_path(str(ROOT / "docs/pictures/drawings.py"))
PICTURES = DRAWINGS["PICTURES"]
ENGLISH = sorted(PICTURES.glob("*.d2"))
ARROW = re.compile(r"^ *([\w-]+) -> ([\w-]+)", re.MULTILINE)
DASHED = re.compile(r"^ *[\w-]+ -> .*\{$", re.MULTILINE)
TEXT = re.compile(r'<(?:text|tspan)\b(?:[^>]*? y="([^"]*)")?[^>]*>([^<]+)<')


def name_of(path):
    return path.relative_to(PICTURES).as_posix()


def words(picture):
    """The words in a picture, with how far down they stand where they are one line."""
    return {text: height for height, text in TEXT.findall(picture.read_text())}


def needs(project):
    """The distributions of this repository that one of them imports, without what all of them begin with."""
    data = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    names = {Requirement(text).name for text in data["dependencies"]}
    return {name.removeprefix("fustor-") for name in names if name.startswith("fustor-")}


def reached(arrows, start):
    below = {lower for upper, lower in arrows if upper == start}
    return below.union(*(reached(arrows, name) for name in below))


@pytest.mark.wide
@pytest.mark.parametrize("source", DRAWINGS["SOURCES"], ids=name_of)
def test_a_picture_is_of_today(source):
    assert source.with_suffix(".svg").read_text() == DRAWINGS["drawn"](source), "Run docs/pictures/drawings.py"


@pytest.mark.parametrize("source", DRAWINGS["SOURCES"], ids=name_of)
def test_a_picture_has_colours_for_light_and_for_dark(source):
    assert "prefers-color-scheme:dark" in source.with_suffix(".svg").read_text()


@pytest.mark.parametrize("source", [path for path in ENGLISH if path.stem != "look"], ids=name_of)
def test_what_is_in_both_languages_is_a_name(source):
    same = words(source.with_suffix(".svg")).keys() & words(PICTURES / f"zh/{source.stem}.svg").keys()
    assert [text for text in same if " " in text] == []


def test_an_event_lives_the_same_life_in_both_languages():
    """Words for an arrow of a group may move it to another place in the order of time."""
    english, chinese = words(PICTURES / "event.svg"), words(PICTURES / "zh/event.svg")
    assert list(chinese.values()) == list(english.values())
    assert chinese["42"] == english["42"]


def test_the_packages_are_drawn_with_their_imports():
    text = (PICTURES / "rooms.d2").read_text()
    arrows = set(ARROW.findall(DASHED.sub("", text)))
    for project in (*PACKAGES, *BRIDGES):
        name = project.name.removeprefix("fustor-")
        assert re.search(rf"^{name}: {project.name}\\n", text, re.MULTILINE), f"Draw {project.name}"
        assert reached(arrows, name) == needs(project)
    assert reached(arrows, "extensions") == {"core", "event-model"}
    assert reached(arrows, "new") == set()


def test_every_state_of_a_run_is_drawn():
    drawn = {name for name, label in re.findall(r"^ *(\w+): (\w+)$", (PICTURES / "sync.d2").read_text(), re.MULTILINE)}
    assert drawn == set(RunState)
