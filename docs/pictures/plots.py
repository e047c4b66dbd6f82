"""Draws the recorded results beside their floors: `uv run python docs/pictures/plots.py` writes `plots/`.

Each table of `benchmarks/results.toml` that has a `plot` is one picture: a dot is a value, a bar its goal, and the line
at 1 the floor. Colours are those of the reader's browser, light or dark.
"""  # noqa: INP001 - a script, no package

from __future__ import annotations

import io
import re
import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

PLOTS = Path(__file__).resolve().parent / "plots"
TABLES = runpy.run_path(str(PLOTS.parents[1] / "generate/performance.py"))
COLOURS = {  # as matplotlib gets it: name, in light, in dark
    "#010101": ("ink", "#1f2937", "#e5e7eb"),
    "#020202": ("faint", "#94a3b8", "#64748b"),
    "#030303": ("good", "#1d4ed8", "#93c5fd"),
    "#040404": ("missed", "#c2410c", "#fdba74"),
    "#050505": ("paper", "#ffffff", "#1e1e2e"),
}
INK, FAINT, GOOD, MISSED, PAPER = COLOURS
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fustor",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
}
WIDTH_IN, ROW_IN, EDGES_IN = 5.0, 0.5, 0.8
WIDE_RANGE = 5.0
"""From here on twice as much is as far as half as much."""


@dataclass(frozen=True)
class Mark:
    """One line of a plot: its words, its value and goal as shares of the floor."""

    words: str
    value: float
    goal: float | None
    is_missed: bool


def pictures() -> dict[str, str]:
    """Every plot as SVG, by the name of its table."""
    return {name: drawn(table) for name, table in TABLES["results"]().items() if "plot" in table}


def marks(table: dict[str, Any]) -> Iterator[Mark]:
    """What there is to draw of a table; a row whose value is in words is left out."""
    floor, many = table.get("floor", 1), len(table["series"]) > 1
    for row in table["rows"]:
        for series in table["series"]:
            value = TABLES["number"](row[series["value"]])
            goal = TABLES["number"](row[series["goal"]]) if "goal" in series else None
            if value is not None:
                words = f"{row[0]}, {table['head'][series['value']]}" if many else row[0]
                missed = TABLES["misses"](row, series, table["best"])
                yield Mark(words.replace("`", ""), value / floor, goal and goal / floor, missed)


def drawn(table: dict[str, Any]) -> str:
    """The plot of one table."""
    found = list(marks(table))
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH_IN, EDGES_IN + ROW_IN * len(found)), layout="constrained")
        axes = figure.add_subplot()
        for height, mark in enumerate(reversed(found)):
            draw(axes, height, mark)
        axes.set_ylim(-0.5, len(found) - 0.25)
        values = [share for mark in found for share in (1, mark.value, mark.goal) if share]
        if max(values) / min(values) > WIDE_RANGE:
            measure(axes)
        finish(axes, f"{table['plot']} ({'less' if table['best'] == 'least' else 'more'} is better)")
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return coloured(file.getvalue())


def draw(axes: Axes, height: int, mark: Mark) -> None:
    """A dot for the value with its figure, a bar for the goal, and the words above them."""
    figures = f"{mark.value:.3g}" if mark.goal is None else f"{mark.value:.3g}, goal {mark.goal:.3g}"
    around = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}
    beside: dict[str, Any] = {
        "xycoords": ("axes fraction", "data"),
        "textcoords": "offset points",
        "bbox": around,
        "zorder": 4,
    }
    for place, side, text in ((0, "left", mark.words), (1, "right", figures)):
        axes.annotate(text, (place, height), (0, 9), ha=side, **beside)
    axes.plot([1, mark.value], [height, height], color=FAINT, linewidth=1, zorder=1)
    colour = MISSED if mark.is_missed else GOOD
    axes.plot([mark.value], [height], "o", color=colour, markersize=7, zorder=3)
    if mark.goal is not None:
        axes.plot([mark.goal], [height], "|", color=INK, markersize=13, markeredgewidth=2, zorder=2)


def measure(axes: Axes) -> None:
    """An axis on which twice as much is as far as half as much."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def finish(axes: Axes, label: str) -> None:
    """The line of the floor, and what the axis is."""
    axes.axvline(1, color=INK, linewidth=1.5, zorder=0)
    axes.margins(x=0.06)
    axes.set_xlabel(label)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)


def coloured(svg: str) -> str:
    """The SVG with colours by name, which a style sheet gives for light and for dark."""
    light, dark = ("".join(f"--{colour[0]}:{colour[place]};" for colour in COLOURS.values()) for place in (1, 2))
    style = f"<style>svg{{{light}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    named = re.sub("|".join(COLOURS), lambda found: f"var(--{COLOURS[found[0]][0]})", svg)
    return re.sub(r"(<svg [^>]*>)", lambda found: f"{found[0]}\n {style}", named[named.index("<svg") :], count=1)


if __name__ == "__main__":
    PLOTS.mkdir(exist_ok=True)
    for name, svg in pictures().items():
        (PLOTS / f"{name}.svg").write_text(svg, encoding="utf-8")
