"""What the tests of this folder show of which driver under which host, kept from run to run, and the page that says so.

Run: uv run python tests/hosts/matrix.py > docs/hosts.md
"""

import json
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")
TEXT = Path(__file__).with_name("page.md")
PLACE = "<!-- the matrix -->\n"
DRIVERS = ("source-fs", "source-postgres", "pusher-fs", "pusher-postgres")
MARKS = {"passed": "yes", "failed": "**no**"}


def note(seen):
    """Keep the outcomes of a run, each `(driver, host, what, outcome)`; a row holds if all of its tests passed."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for row in {tuple(told[:3]) for told in seen}:
        outcomes = {outcome for *told, outcome in seen if tuple(told) == row} - {"skipped"}
        driver, host, what = row
        if outcomes:
            results.setdefault(host, {}).setdefault(what, {})[driver] = "passed" if outcomes == {"passed"} else "failed"
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def render():
    """The page."""
    results = json.loads(RESULTS.read_text())
    tables = [f"### {host[0].upper()}{host[1:]}\n\n{_table(rows)}" for host, rows in results.items()]
    return TEXT.read_text().replace(PLACE, "\n".join(tables))


def _table(rows):
    drivers = [driver for driver in DRIVERS if any(driver in told for told in rows.values())]
    lines = [["", *(f"`{driver}`" for driver in drivers)], ["---"] * (len(drivers) + 1)]
    lines += [[what, *(MARKS.get(told.get(driver, ""), "") for driver in drivers)] for what, told in rows.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    print(render(), end="")
