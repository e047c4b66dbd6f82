"""Argument lists that nobody would write: each ends with a documented code, none with a traceback."""

import os
import random
import signal

import pytest
from typer.main import get_command
from workspaces import small

from fustor_new.cli import app, run
from fustor_new.errors import EXIT_CODES

FLAGS = [
    *sorted(
        flag
        for command in get_command(app).commands.values()
        for parameter in command.params
        for flag in {*parameter.opts, *parameter.secondary_opts}
        if flag.startswith("-")
    ),
    "--help",
    "--version",
    "--no-such-option",
    "--show-completion",
    "-",
    "--",
    "-dx",
    "--output=",
    "--json=1",
]
TEXTS = [
    "", " ", "redis", "my-db", "MY_DB", "a" * 41, "../up", "/abs", ".", "..", "C:\\x", "größe", "数据", "\udcff",
    "a\nb", "\x1b[31m", "{{ 7*7 }}", "{% raw %}", "${HOME}", '"quoted"', "it's", "[table]", "a = 1", "json",
    "class", "match", "con", "nul", "redis>=5", "redis @ file:///x", "workspace", "index", "git+https://example.org/x",
    "git@example.org:x", "nobody@example.org", "Apache-2.0", "MIT OR Apache-2.0", "0", "-1", "1e9", "\u202e",
    "é" * 300, "fustor_core", "Driver", "%s%n", "~", "~nobody/x",
]  # fmt: skip
COMMANDS = (
    ["source", "pusher"] * 4
    + ["", "new", "--help", "update", "list", "remove", "register", "unregister"]
    + ["doctor", "adopt"]
)
# No text holds a NUL: the system cannot pass one to a process.
ANSWERS = set(EXIT_CODES) - {1}


def arguments_of(source):
    """One argument list: usually a command and a name, then anything."""
    head = [source.choice(COMMANDS)]
    tail = [source.choice(source.choice([FLAGS, TEXTS])) for _ in range(source.randrange(8))]
    # A dry run right behind the command, so that nothing written is in the way of the next list.
    return [*head, *tail] if head[0] in {"--help", "list", "doctor"} else [*head, "--dry-run", *tail]


def lists(count, seed):
    source = random.Random(seed)
    return [arguments_of(source) for _ in range(count)]


def check(count, seed, folder, capfd, monkeypatch):
    with capfd.disabled():  # whatever a command prints is read, and gone
        print(f"seed {seed}")
    before = signal.getsignal(signal.SIGTERM)
    root = small(folder / "workspace")
    monkeypatch.chdir(root)
    codes = {}
    for arguments in lists(count, seed):
        code = run(arguments)
        captured = capfd.readouterr()
        assert code in ANSWERS, (arguments, captured.err)
        assert "Traceback" not in captured.err, arguments
        assert code == 0 or captured.err or "Usage" in captured.out, arguments
        codes[code] = codes.get(code, 0) + 1
    signal.signal(signal.SIGTERM, before)
    assert [path.name for path in root.iterdir()] == ["pyproject.toml"], "a dry run wrote something"
    print(codes)
    return codes


@pytest.mark.wide
def test_a_sample_of_argument_lists_ends_with_documented_codes(tmp_path, capfd, monkeypatch):
    seed = int(os.environ.get("FUSTOR_SEED", "20261124"))
    codes = check(400, seed, tmp_path, capfd, monkeypatch)
    assert {0, 2, 3} <= codes.keys()


@pytest.mark.full
def test_ten_thousand_argument_lists_end_with_documented_codes(tmp_path, capfd, monkeypatch):
    seed = int(os.environ.get("FUSTOR_SEED", str(random.randrange(2**32))))
    codes = check(10_000, seed, tmp_path, capfd, monkeypatch)
    assert {0, 2, 3, 5} <= codes.keys()
