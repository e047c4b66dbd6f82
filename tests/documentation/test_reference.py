"""The reference is what the code says."""

import re
import runpy

import pytest
from repository import REFERENCE_DRIVERS, ROOT

from fustor_driver.errors import EXIT_CODES
from fustor_driver.kinds import Kind
from fustor_driver.params import config_schema
from fustor_driver.registry import Registry

WRITTEN = ROOT / "docs/reference"


@pytest.fixture(scope="module")
def generator():
    return runpy.run_path(str(ROOT / "docs/generate/reference.py"))


@pytest.fixture(scope="module")
def pages(generator):
    return generator["pages"]()


def test_it_is_about_the_drivers_of_this_project_and_no_other(generator):
    assert generator["DRIVERS"] == REFERENCE_DRIVERS


@pytest.mark.parametrize("name", sorted(page.name for page in WRITTEN.iterdir()))
def test_a_page_is_of_today(pages, name):
    assert (WRITTEN / name).read_text() == pages[name], "Run `uv run python docs/generate/reference.py`"


def test_every_page_is_written_and_no_other(pages):
    assert {page.name for page in WRITTEN.iterdir()} == set(pages)


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("fustor-driver.md", "## fustor-driver postgres drop-slot"),
        ("fustor-driver.md", "| `--for SECONDS` |  | Stop after so many seconds, when all that was read is pushed. |"),
        ("fustor-new.md", "## fustor-new doctor"),
        ("configuration.md", "| `uri` | string | required | Address of what is read; its form is the driver's |"),
        ("configuration.md", "## pusher postgres: `driver_params`"),
        ("statistics.md", "| `queued_bytes` | gauge | bytes | of kernel events that wait for the host |"),
        ("statistics.md", "| `fustor_rows_total` | counter | Rows pushed |"),
        ("exit-codes.md", f"| 10 | {EXIT_CODES[10]} |"),
    ],
)
def test_what_people_look_for_is_there(pages, page, line):
    assert line in pages[page].splitlines()


@pytest.mark.parametrize("driver", REFERENCE_DRIVERS)
def test_every_key_of_a_driver_is_there_with_its_meaning(pages, driver):
    kind, _, name = driver.partition("-")
    record = Registry.read().find(Kind(kind), name)
    keys = config_schema(record.kind, record.load())["properties"]["driver_params"]["properties"]
    section = pages["configuration.md"].partition(f"\n## {kind} {name}: `driver_params`\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \| (.*) \|$", section, re.MULTILINE)
    assert {name for name, _ in rows} == set(keys)
    assert [name for name, meaning in rows if not meaning] == []


def test_every_other_key_has_a_meaning_too(pages):
    assert re.findall(r"^\|.*\|  \|$", pages["configuration.md"], re.MULTILINE) == []
