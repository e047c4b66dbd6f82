"""What how-to pages show is taken as it is: configurations by drivers, commands by the command, errors by the code."""

import configparser
import re
import shlex
from itertools import product

import pytest
import typer.main
import yaml
from executed_page import blocks_of
from repository import EXTENSIONS, PACKAGES, ROOT
from shown_commands import commands_of, complaint

from fustor_driver.cli import build_app
from fustor_driver.configuration import parse
from fustor_driver.kinds import Kind
from fustor_driver.params import params_problems
from fustor_driver.registry import Registry
from fustor_new.cli import app as fustor_new

DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.parent not in {DOCS / "decisions", DOCS / "reference"}]
BLOCKS = {block.file or "": block.text for block in blocks_of((DOCS / "how-to/operate.md").read_text())}
CONFIGURATIONS = {name: yaml.safe_load(text) for name, text in BLOCKS.items() if name.endswith(".yaml")}
READ_FIRST = [*ROOT.glob("*.md"), *(project / "README.md" for project in (*PACKAGES, *EXTENSIONS))]
SECRETS = {"FUSTOR_SHOP_PASSWORD": "a", "FUSTOR_WAREHOUSE_PASSWORD": "b"}


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def problems(data):
    """What the drivers of a configuration have against it; ConfigurationProblem where the host refuses it already."""
    pair = parse(data, SECRETS).pair()
    entries = ((Kind.SOURCE, pair.source), (Kind.PUSHER, pair.pusher))
    return [
        problem
        for kind, config in entries
        for problem in params_problems(Registry.read().find(kind, config.driver).load(), config.driver_params)
    ]


def test_each_pair_of_reference_drivers_has_a_configuration():
    wanted = {f"{source}-to-{pusher}.yaml" for source, pusher in product(("fs", "postgres"), repeat=2)}
    assert set(CONFIGURATIONS) == wanted


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_is_accepted_as_it_is(name):
    assert problems(CONFIGURATIONS[name]) == []
    pair = parse(CONFIGURATIONS[name], SECRETS).pair()
    assert f"{pair.source.driver}-to-{pair.pusher.driver}.yaml" == name


def test_a_parameter_that_does_not_exist_is_seen():
    broken = yaml.safe_load(BLOCKS["fs-to-fs.yaml"].replace("retain_age_sec", "retain_age"))
    assert ["retain_age" in str(problem) for problem in problems(broken)] == [True]


def test_the_unit_starts_what_the_command_takes():
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str
    unit.read_string(BLOCKS["fustor.service"])
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    assert program.endswith("/bin/fustor-driver")
    assert complaint(typer.main.get_command(build_app()), words) == ""
    assert int(unit["Service"]["TimeoutStopSec"]) > 10


GROUPS = {"fustor-driver": typer.main.get_command(build_app()), "fustor-new": typer.main.get_command(fustor_new)}


@pytest.mark.parametrize("program", GROUPS)
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_on_a_page_are_taken(page, program):
    shown = [words for words in commands_of(page.read_text(), program) if words[0] not in BROUGHT]
    wrong = {" ".join(words): why for words in shown if (why := complaint(GROUPS[program], words))}
    assert not wrong


@pytest.mark.parametrize("page", READ_FIRST, ids=name_of)
def test_commands_of_fustor_new_on_a_page_are_taken(page):
    shown = commands_of(page.read_text(), "fustor-new")
    wrong = {" ".join(words): why for words in shown if (why := complaint(GROUPS["fustor-new"], words))}
    assert not wrong


BROUGHT = {"sqlite"}
"""What the tutorial's driver brings along."""


def text_of_the_code():
    """The texts of all messages, as they read where lines are joined and what is put in is left out."""
    files = (path for project in (*PACKAGES, *EXTENSIONS) for path in (project / "src").rglob("*.py"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return re.sub(r'"\s*\n\s*f?"', "", code)


def test_every_error_on_the_page_is_one_of_the_code():
    page = (DOCS / "how-to/troubleshoot.md").read_text()
    cells = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    shown = [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]
    parts = {part.strip() for text in shown for part in text.split("...") if len(part.strip()) > 3}
    code = text_of_the_code()
    assert len(parts) > 30
    assert sorted(part for part in parts if part not in code) == []
