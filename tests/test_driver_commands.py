"""What is written about `fustor-driver`: commands that READMEs show are taken, and help is in whole sentences."""

import re

import pytest
import typer.main
from repository import BRIDGES, EXTENSIONS, PACKAGES, ROOT, name_of
from shown_commands import commands_of, complaint

from fustor_driver.cli import build_app


@pytest.fixture(scope="module")
def group():
    return typer.main.get_command(build_app())


@pytest.mark.parametrize("project", [ROOT, *PACKAGES, *BRIDGES, *EXTENSIONS], ids=name_of)
def test_commands_in_a_readme_are_taken(project, group):
    shown = commands_of((project / "README.md").read_text())
    wrong = {" ".join(words): why for words in shown if (why := complaint(group, words))}
    assert not wrong


def test_a_wrong_command_is_seen(group):
    text = (
        "    fustor-driver run fustor.yaml\n`fustor-driver reed x`\n    uv run fustor-driver read x --limmit 3  # why\n"
    )
    assert [bool(complaint(group, words)) for words in commands_of(text)] == [True, True, True]


def helps(command, name):
    """Every text of help below a command, with where it stands."""
    yield name, (command.help or "").split("\n\n")[0]
    yield from ((f"{name} {one.name}", one.help) for one in command.params if getattr(one, "help", None) is not None)
    for word, below in getattr(command, "commands", {}).items():
        yield from helps(below, f"{name} {word}")


def test_help_is_in_whole_sentences(group):
    cut = re.compile(r"\.\.\.(?!\w)")
    wrong = {
        name: text
        for name, text in helps(group, "fustor-driver")
        if not re.search(r"[.!]( \[[^\]]*\])?$", text.strip()) or not text[:1].isupper() or cut.search(text)
    }
    assert not wrong
