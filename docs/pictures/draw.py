"""Draws the pictures in this folder: what the commands show on a terminal, captured from tmux.

Run it from the repository: `uv run python docs/pictures/draw.py [NAME ...]`. It needs tmux.
"""  # noqa: INP001 - a script, no package

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).parent
COMMANDS = Path(sys.executable).parent
SOCKET = "fustor-pictures"
DEADLINE_SEC = 60.0
DOWN, ENTER = "Down", "Enter"
SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
FOREIGN = re.compile(r"@font-face \{[^}]*\}\s*|<!-- Generated[^>]*-->\s*")
CONFIGURATION = """\
sources: {{files: {{driver: fs, uri: "{place}/data", disabled: false}}}}
pushers: {{events: {{driver: fs, endpoint: "{place}/events", disabled: false}}}}
"""


@dataclass(frozen=True)
class Scene:
    """A command on a terminal: keys that follow when a text is shown, and the text after which it is drawn."""

    name: str
    command: str
    columns: int
    rows: int
    keys: tuple[tuple[str, tuple[str, ...]], ...] = ()
    until: str = ""
    pause_sec: float = 0.5


RUN = "fustor-driver run -c fustor.yaml --state-dir state{columns} --task width-{columns}"
SCENES = (
    Scene(
        "wizard",
        "fustor-new",
        100,
        32,
        (
            ("What is the driver?", (ENTER,)),
            ("Where does it belong?", (ENTER,)),
            ("called?", ("redis", ENTER)),
            ("in one line?", ("Reads the streams of Redis", ENTER)),
            ("packages does it need?", ("redis>=5", ENTER)),
            ("your name?", (ENTER,)),
            ("mail address?", (ENTER,)),
            ("Which licence?", (ENTER,)),
            ("start from?", (ENTER,)),
            ("re-read", (ENTER,)),
            ("list everything", (ENTER,)),
        ),
        "Is that right?",
    ),
    Scene(
        "init",
        "fustor-driver init",
        100,
        36,
        (
            ("What is read?", (DOWN, ENTER)),
            ("Where is it written to?", (DOWN, ENTER)),
            ("Root of the tree", ("{place}/dat", ENTER)),
            ("Include", (ENTER,)),
            ("Exclude", ("*.tmp", ENTER)),
            ("What now?", (ENTER,)),
            ("Root of the tree", ("a", ENTER)),
            ("Include", (ENTER,)),
            ("Exclude", (ENTER,)),
            ("Directory", ("./events", ENTER)),
        ),
        "Write this to",
    ),
    *(
        Scene(f"run-{columns}", RUN.format(columns=columns), columns, 24, until="running", pause_sec=6)
        for columns in (60, 80, 130)
    ),
    Scene("demo", "fustor-driver run --demo fs", 100, 32, until="letter 9", pause_sec=0.5),
    Scene(
        "conform", "fustor-driver conform source example M01 M03 E01 E08 S01 A05 A10", 100, 24, until="nothing broken"
    ),
)


def main(names: list[str]) -> None:
    """Draw the scenes with these names, or all of them."""
    for scene in SCENES:
        if not names or scene.name in names:
            with world() as place:
                draw(scene, capture(scene, place))
            sys.stdout.write(f"{scene.name}.svg\n")


@contextmanager
def world() -> Iterator[Path]:
    """A directory with a workspace, some files that change, and a configuration."""
    place = Path("/tmp/shop")  # noqa: S108 - it is seen in the pictures
    place.mkdir()
    try:
        (place / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["extensions/*"]\n')
        (place / "fustor.yaml").write_text(CONFIGURATION.format(place=place))
        for at in range(2_000):
            file = place / "data" / f"{at // 100:02}" / f"{at}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{at}\n")
        stopped = threading.Event()
        changer = threading.Thread(target=change, args=(place / "data", stopped))
        changer.start()
        yield place
    finally:
        stopped.set()
        changer.join()
        shutil.rmtree(place)


def change(data: Path, stopped: threading.Event) -> None:
    """Write one file after the other."""
    at = 0
    while not stopped.wait(0.1):
        at += 1
        (data / "00" / f"{at % 50}.csv").write_text(f"changed {at}\n")


def capture(scene: Scene, place: Path) -> str:
    """What the terminal shows, with its colours."""
    if scene.name == "init":
        (place / "fustor.yaml").unlink()
    environ = {**os.environ, "PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}", "GIT_CONFIG_GLOBAL": os.devnull}
    size = ("-x", str(scene.columns), "-y", str(scene.rows))
    tmux("new-session", "-d", *size, "-c", str(place), f"{scene.command}; sleep 60", environ=environ)
    try:
        for text, keys in scene.keys:
            wait_for(text)
            for key in keys:
                tmux("send-keys", key.format(place=place))
                time.sleep(0.3)  # a person's pace, so that what is typed is seen where it belongs
        wait_for(scene.until, anywhere=True)
        time.sleep(scene.pause_sec)
        return tmux("capture-pane", "-e", "-p")
    finally:
        tmux("kill-server")


def wait_for(text: str, *, anywhere: bool = False) -> None:
    """Wait until the last question on the terminal, or any line, has a text."""
    deadline = time.monotonic() + DEADLINE_SEC
    while True:
        lines = tmux("capture-pane", "-p").splitlines()
        questions = [line for line in lines if line.startswith("?")]
        if any(text in line for line in (lines if anywhere else questions[-1:])):
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"{text!r} was not shown:\n" + "\n".join(lines))
        time.sleep(0.1)


def tmux(*arguments: str, environ: dict[str, str] | None = None) -> str:
    """What tmux answers."""
    command = ["tmux", "-L", SOCKET, "-f", os.devnull, *arguments]
    return subprocess.run(command, env=environ, check=True, text=True, capture_output=True).stdout


def draw(scene: Scene, shown: str) -> None:
    """Write the picture; it names no address but its own parts."""
    console = Console(
        width=scene.columns, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in [*shown.rstrip().splitlines(), ""]:  # rich cuts off what hangs below the last line
        console.print(Text.from_ansi(line), no_wrap=True, crop=True)
    svg = console.export_svg(title=scene.command.partition(" -c")[0], unique_id=scene.name)
    sized = SIZE.sub(r'width="\1" height="\2" \g<0>', FOREIGN.sub("", svg), count=1)
    (PICTURES / f"{scene.name}.svg").write_text(sized, encoding="utf-8")


if __name__ == "__main__":
    if shutil.which("tmux") is None:
        raise SystemExit("tmux is not installed")
    main(sys.argv[1:])
