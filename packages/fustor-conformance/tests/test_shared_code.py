"""What a World takes from the driver that it helps to judge is said."""

import json

import pytest
import typer
from kit_packages import STUB_PUSHER, STUB_PUSHER_WORLD, install
from typer.testing import CliRunner

from fustor_conformance import Kind, find_subject
from fustor_conformance._shared_code import shared_modules
from fustor_conformance.cli import conform

app = typer.Typer()
app.command()(conform)


@pytest.fixture
def put(tmp_path, monkeypatch):
    def installed(name, driver="", world="", **modules):
        texts = {"__init__": "", "driver": driver + STUB_PUSHER, "testing": world + STUB_PUSHER_WORLD, **modules}
        install(tmp_path, "pusher", texts, name=name)
        monkeypatch.syspath_prepend(tmp_path)
        return find_subject(Kind.PUSHER, name)

    return installed


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("sharesone", "from fustor_pusher_sharesone._names import text_of\n"),
        ("sharestwo", "from fustor_pusher_sharestwo import _names\n"),
        ("sharesthree", "from ._names import text_of\n"),
        ("sharesfour", "import fustor_pusher_sharesfour._names\n"),
    ],
)
def test_a_module_that_both_import_is_named(put, name, line):
    subject = put(name, line, line, _names="def text_of(name): return name\n")
    assert shared_modules(subject) == (f"fustor_pusher_{name}._names",)


def test_what_the_world_alone_reaches_is_its_own(put):
    world = "from fustor_pusher_ownserver._server import start\n"
    assert shared_modules(put("ownserver", "", world, _server="def start(): pass\n")) == ()


def test_a_world_that_reaches_the_driver_through_its_own_helper_is_named(put):
    helper = "from fustor_pusher_roundabout.driver import StubDriver\n"
    subject = put("roundabout", "", "from fustor_pusher_roundabout._help import StubDriver\n", _help=helper)
    assert shared_modules(subject) == ("fustor_pusher_roundabout.driver",)


def test_the_report_says_it(put):
    line = "from fustor_pusher_sharesfive._names import text_of\n"
    put("sharesfive", line, line, _names="def text_of(name): return name\n")
    arguments = ["pusher", "sharesfive", "C01"]
    said = "The World takes fustor_pusher_sharesfive._names from the driver: what both share is not judged"
    assert said in CliRunner().invoke(app, arguments, env={"COLUMNS": "200"}).output
    assert json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)["notes"] == [said]
