"""What a shell proposes: of a real bash, and in the protocol that the shells speak."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from terminals import Terminal

BASH = shutil.which("bash")
BINARIES = Path(sys.executable).parent


def proposed(environ, *words):
    """What bash would get for the last word."""
    asked = {"COMP_WORDS": " ".join(("fustor-driver", *words)), "COMP_CWORD": str(len(words))}
    line = [sys.executable, "-m", "fustor_driver"]
    asking = environ | asked | {"_FUSTOR_DRIVER_COMPLETE": "complete_bash"}
    done = subprocess.run(line, env=asking, text=True, capture_output=True, check=True)
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "some", "none"),
    [
        (("r",), ["read", "record", "replay", "run"], ["list"]),
        (("check", "s"), ["source"], ["pusher"]),
        (("check", "pusher", ""), ["try_lines"], ["try_log"]),
        (("read", "try_l"), ["try_log", "try_late"], ["try_lines"]),
        (("push", "try_l"), ["try_lines"], ["try_log"]),
        (("run", "--demo", "try"), ["try-log"], ["try-lines"]),
        (("run", "--pusher-driver", ""), ["try_lines"], ["try_log"]),
        (("init", "try_ask", ""), ["try_lines"], ["try_log"]),
        (("check", "source", "try_log", "--config", "f"), [], []),
        (("try_log", ""), ["count", "broken"], ["list"]),
    ],
)
@pytest.mark.wide
def test_commands_kinds_drivers_and_worlds_are_proposed(words, some, none, environ):
    found = proposed(environ, *words)
    assert set(some) <= set(found)
    assert not set(none) & set(found)
    assert bool(found) == bool(some), "where nothing is proposed, the shell proposes files"


@pytest.mark.wide
@pytest.mark.skipif(BASH is None, reason="there is no bash here")
def test_bash_completes_a_driver_and_a_file(environ, tmp_path):
    script = environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    line = [BINARIES / "fustor-driver", "--show-completion", "bash"]
    completion = subprocess.run(line, env=script, text=True, capture_output=True, check=True).stdout
    (tmp_path / "rc").write_text(f"{completion}\nPS1='ready> '\n")
    (tmp_path / "settings.yaml").touch()
    there = environ | {"PATH": f"{BINARIES}{os.pathsep}{environ['PATH']}"}
    command = (BASH, "--noprofile", "--rcfile", "rc", "-i")
    with Terminal(*command, cwd=tmp_path, environ=there, columns=200) as shell:
        shell.wait_for("ready> ")
        shell.type("fustor-driver check source try_lo\t")
        shell.wait_for("try_log ")
        shell.type("-c sett\t")
        shell.wait_for("settings.yaml ")
