"""The figures on the page about performance are the recorded ones, and its plots show them."""

import runpy

import pytest
from repository import ROOT

GENERATOR = runpy.run_path(str(ROOT / "docs/generate/performance.py"))
PAGE = (ROOT / "docs/performance.md").read_text()
PLOTS = ROOT / "docs/pictures/plots"
DRAWN = [name for name, table in GENERATOR["results"]().items() if "plot" in table]


def test_the_tables_are_the_recorded_results():
    assert GENERATOR["page"]() == PAGE, "Run `uv run python docs/generate/performance.py`"


@pytest.mark.parametrize(
    ("value", "goal", "best", "is_missed"),
    [
        ("1.11", "1.10", "least", True),
        ("1.10", "1.10", "least", False),
        ("0.49", "0.50", "most", True),
        ("62.4", "", "most", False),
        ("1.3 ms", "50 ms", "least", False),
    ],
)
def test_a_goal_that_is_missed_is_marked(value, goal, best, is_missed):
    table = {"head": ["what", "to reach", "ratio"], "rows": [["x", goal, value]], "best": best}
    shown = GENERATOR["table"](table | {"series": [{"value": 2, "goal": 1}]})
    assert ("not reached" in shown) == is_missed


def test_every_plot_is_shown():
    assert [name for name in DRAWN if f"](pictures/plots/{name}.svg)" not in PAGE] == []
    assert {path.stem for path in PLOTS.iterdir()} == set(DRAWN)


@pytest.mark.wide
def test_the_plots_are_of_today():
    pictures = runpy.run_path(str(ROOT / "docs/pictures/plots.py"))["pictures"]()
    written = {path.stem: path.read_text() for path in PLOTS.iterdir()}
    assert written == pictures, "Run `uv run python docs/pictures/plots.py`"
