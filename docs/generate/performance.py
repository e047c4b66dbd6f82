"""The tables of docs/performance.md: `uv run python docs/generate/performance.py` writes them from the recorded results."""  # noqa: INP001, E501 - a script, no package

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "performance.md"
RESULTS = PAGE.parents[1] / "benchmarks/results.toml"
TABLE = re.compile(r"^<!-- results: (.+) -->\n\n(?:\|.*\n)*", re.MULTILINE)


def results() -> dict[str, Any]:
    """The recorded tables, by name."""
    return tomllib.loads(RESULTS.read_text(encoding="utf-8"))


def page() -> str:
    """The page with the tables of today; every table of the results has its place there."""
    tables, text = results(), PAGE.read_text(encoding="utf-8")
    if TABLE.findall(text) != list(tables):
        raise SystemExit(f"{PAGE.name} has other tables than {RESULTS.name}, or in another order")
    return TABLE.sub(lambda found: f"<!-- results: {found[1]} -->\n\n{table(tables[found[1]])}", text)


def table(recorded: dict[str, Any]) -> str:
    """A table in Markdown; a goal that is missed says so."""
    rows = [recorded["head"]]
    for recorded_row in recorded["rows"]:
        row = list(recorded_row)
        for series in recorded.get("series", []):
            if misses(row, series, recorded["best"]):
                row[series["goal"]] += ", not reached"
        rows.append(row)
    lines = ["|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:], ""])


def misses(row: list[str], series: dict[str, int], best: str) -> bool:
    """Whether the value of a row is on the wrong side of its goal; False where either is missing or in words."""
    value, goal = number(row[series["value"]]), number(row[series["goal"]] if "goal" in series else "")
    if value is None or goal is None:
        return False
    return value > goal if best == "least" else value < goal


def number(cell: str) -> float | None:
    """What a cell has as a plain number."""
    return float(cell) if re.fullmatch(r"\d+(\.\d+)?", cell) else None


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
