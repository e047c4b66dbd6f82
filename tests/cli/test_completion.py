"""What a shell proposes once it has been told to, and how help reads."""

import os
import re
import subprocess

import pytest
from repository import ROOT
from workspaces import FUSTOR_NEW, environment, fustor_new, small

from fustor_new.cli import COMMANDS

pytestmark = pytest.mark.wide


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = small(tmp_path_factory.mktemp("completion") / "workspace")
    for kind, name in (("source", "redis"), ("pusher", "my-db")):
        assert fustor_new(kind, name, "--contract-source", ROOT, "-q", cwd=root).returncode == 0
    return root


def proposed(line, cwd, home):
    """What bash proposes behind the line, once `--install-completion` has run in it."""
    script = """
        fustor-new --install-completion > /dev/null || exit 1
        . ~/.bash_completions/fustor-new.sh
        COMP_WORDS=($1); [[ $1 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        $(complete -p fustor-new | sed -E 's/.*-F ([^ ]+).*/\\1/') fustor-new
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    variables = environment(home) | {"PATH": f"{FUSTOR_NEW.parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "--norc", "-c", script, "bash", line]
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fustor-new un", ["unregister"]),
        ("fustor-new remove ", ["pusher-my-db", "source-redis"]),
        ("fustor-new update source-", ["source-redis"]),
        ("fustor-new doctor push", ["pusher-my-db"]),
        ("fustor-new source x --license M", ["MIT"]),
        ("fustor-new adopt . --kind p", ["pusher"]),
        ("fustor-new source x --contract-source w", ["workspace"]),
    ],
)
def test_a_shell_completes_commands_drivers_and_answers(workspace, tmp_path, line, words):
    assert proposed(line, workspace, tmp_path) == words


def test_outside_of_a_workspace_no_driver_is_proposed_and_nothing_is_said(tmp_path):
    (tmp_path / "home").mkdir()
    assert proposed("fustor-new remove ", tmp_path, tmp_path / "home") == []


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)], ids=" ".join)
@pytest.mark.parametrize("columns", ["60", "80", "130"])
def test_help_is_whole_sentences_at_every_width(tmp_path, arguments, columns):
    command = [FUSTOR_NEW, *arguments, "--help"]
    variables = environment() | {"COLUMNS": columns}
    text = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True).stdout
    assert "..." not in text.replace("[ARGS]...", "").replace("]...", "")
    assert "<str>" not in text
    entries = re.split(r"\n  (?=\S)", text.partition("\nOptions:\n")[2].replace("\nCommands:\n", "\n"))
    for entry in filter(str.strip, entries):
        said = re.sub(r"\s*\[(default|required)[^]]*\]", "", " ".join(entry.split()))
        assert said.endswith("."), entry
