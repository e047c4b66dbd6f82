"""Files without an end, or made to take for ever: every command answers soon, and within little memory."""

import contextlib
import json
import os
import resource
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest
from workspaces import answer

DRIVER = "extensions/source-redis"
MODULE = f"{DRIVER}/src/fustor_source_redis/more.py"
ANSWERS = f"{DRIVER}/.copier-answers.yml"
PROJECT = f"{DRIVER}/pyproject.toml"
VERDICTS = f"{DRIVER}/.fustor-conformance.json"
SAMPLE = f"{DRIVER}/fustor.yaml"
MORE_BYTES = 1024**3


def laughs(key):
    """Return a YAML text of a few hundred bytes whose aliases make more of it than any memory holds."""
    lines = [f"a: &a [{', '.join(['x'] * 9)}]"]
    for before, one in pairwise("abcdefghij"):
        lines.append(f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]")
    return "\n".join([*lines, f"{key}: *j", ""])


def merged():
    """Return a YAML text in which each mapping takes in the one before twice."""
    lines = ["b0: &b0 {x: 1}"]
    lines += [f"b{n + 1}: &b{n + 1} {{<<: [*b{n}, *b{n}], y{n}: *b{n}}}" for n in range(60)]
    return "\n".join(lines)


TEXTS = {
    "aliases in the answers": (ANSWERS, laughs("template_version")),
    "aliases in a file list": (ANSWERS, laughs("files")),
    "aliases in the sample": (SAMPLE, laughs("sources")),
    "merges in the sample": (SAMPLE, merged()),
    "an alias of itself": (SAMPLE, "sources: &a {x: *a}\n"),
    "deep YAML": (SAMPLE, "[" * 50_000),
    "deep answers": (ANSWERS, "{a: " * 50_000),
    "deep TOML": (PROJECT, "x = " + "[" * 50_000),
    "a long key": (PROJECT, ".".join("a" * 60_000) + " = 1"),
    "a long number": (PROJECT, "x = " + "9" * 100_000),
    "deep JSON": (VERDICTS, "[" * 100_000),
    "deep Python": (MODULE, "(" * 5_000 + ")" * 5_000),
    "deep statements": (MODULE, "if a: pass\n" + "elif a: pass\n" * 2_500),
    "a long sum": (MODULE, "x = " + "+".join(["1"] * 20_000)),
    "a long attribute": (MODULE, "class A(" + ".".join(["a"] * 2_500) + "): pass"),
    "NUL in Python": (MODULE, "x = 1\0"),
    "a strange encoding": (MODULE, "# coding: rot13\nx = 1\n"),
    "project is a text": (PROJECT, 'project = "x"\n'),
    "entry points are numbers": (PROJECT, "[project]\nname = 1\nentry-points = 3\n"),
    "a wide table": (PROJECT, "".join(f"a{n} = 1\n" for n in range(20_000))),
}
NAMES = [
    ANSWERS,
    PROJECT,
    VERDICTS,
    SAMPLE,
    MODULE,
    f"{DRIVER}/README.md",
    f"{DRIVER}/tests/test_conformance.py",
    "pyproject.toml",
]
KINDS = ["pipe", "endless", "directory", "itself", "large", "socket"]


@pytest.fixture(autouse=True)
def little_memory():
    """Let this process have a gigabyte more than it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MORE_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def check(root, capsys):
    for command in (["list", "--json"], ["doctor", "--json"]):
        assert answer(*command, cwd=root) in {0, 5, 7, 8}, command
        said = capsys.readouterr()
        assert len(said.err) < 5_000
        if said.out:
            json.loads(said.out)


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_that_is_made_to_break_its_reader_is_a_finding(workspace, capsys, case):
    name, text = TEXTS[case]
    (workspace / name).write_text(text)
    check(workspace, capsys)


def put(path, kind):
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(8 * 1024**3)
    elif kind == "directory":
        path.mkdir()
    elif kind == "socket":
        os.mknod(path, 0o140644)
    else:
        path.symlink_to("/dev/zero" if kind == "endless" else path.name)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_read_by_nobody(workspace, capsys, kind):
    for name in NAMES[:-1]:
        put(workspace / name, kind)
    check(workspace, capsys)


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_that_is_no_file_is_read_by_nobody(workspace, capsys, name, kind):
    put(workspace / name, kind)
    check(workspace, capsys)
    for command in (["update", DRIVER], ["remove", DRIVER, "--force"], ["adopt", DRIVER], ["register", DRIVER]):
        assert answer(*command, cwd=workspace) in {0, 2, 3, 4, 5, 6, 7}, command


def test_directories_deeper_than_the_stack_are_a_line(workspace):
    try:
        with contextlib.chdir(workspace / DRIVER / "src/fustor_source_redis"):
            for _ in range(1200):
                Path("d").mkdir()
                os.chdir("d")
            Path("x.py").touch()
        for command in (["list"], ["doctor"], ["remove", DRIVER, "--force"]):
            assert answer(*command, cwd=workspace) in {0, 4, 7, 8}, command
    finally:
        subprocess.run(["rm", "-r", workspace / DRIVER], check=True)  # what comes after the test has a stack, too


SECRETS = [
    "sources: {a: {driver: redis, credential: {passwd: @CANARY}}}\n",
    'sources:\n  uri: "redis://u:\\pCANARY@h"\n',
    "passwd: 'CANARY' CANARY\n",
    "passwd: CANARY: CANARY\n",
    "? CANARY\n? [CANARY\n",
    "passwd: !!python/object:CANARY x\n",
    "passwd: *CANARY\n",
    "%CANARY\n",
    "- CANARY\nx: CANARY\n\tCANARY\n",
    "a: 2020-13-45 # CANARY\n",
]


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("name", [SAMPLE, ANSWERS])
def test_no_secret_of_a_broken_file_is_printed(workspace, capsys, text, name):
    (workspace / name).write_text(text)
    for command in (["doctor"], ["doctor", "--json"], ["list"], ["update", DRIVER]):
        answer(*command, cwd=workspace)
    said = capsys.readouterr()
    assert "CANARY" not in said.out + said.err


@pytest.mark.full
def test_twenty_thousand_members_are_a_matter_of_seconds(tmp_path):
    lines = []
    for number in range(20_000):
        folder = tmp_path / f"m/p{number}"
        folder.mkdir(parents=True)
        project = f'[project]\nname = "p{number}"\nversion = "1"\nrequires-python = ">=3.11"\n'
        (folder / "pyproject.toml").write_text(project)
        lines.append(f'"m/p{number}",\n')
    (tmp_path / "pyproject.toml").write_text(f"[tool.uv.workspace]\nmembers = [\n{''.join(lines)}]\n")
    began = time.process_time()
    for command in (["list"], ["doctor"]):
        assert answer(*command, cwd=tmp_path) == 0
    assert time.process_time() - began < 60


ESCAPES = "\x1b]0;x\x07\x1b[31m\u202e\u2066\x9b"


@pytest.mark.parametrize("name", ["pyproject.toml", PROJECT, SAMPLE, MODULE, VERDICTS, ANSWERS])
def test_what_a_file_holds_reaches_the_terminal_spelled_out(workspace, capsys, name):
    """Escape sequences, and what turns the direction of writing."""
    escaped = ascii(ESCAPES)[1:-1].replace("\\x", "\\u00")  # as TOML and YAML spell them
    table = '[project.entry-points."fustor.drivers.sources"]'
    texts = {
        PROJECT: f'[project]\nname = "{escaped}"\n{table}\n"{escaped}" = "a:B"\n',
        SAMPLE: f'sources: {{a: {{driver: "{escaped}"}}}}',
    }
    (workspace / name).write_text(texts.get(name, f"{ESCAPES} = [ {ESCAPES}\n"))
    (workspace / f"extensions/source-{ESCAPES}").mkdir()
    (workspace / f"extensions/source-{ESCAPES}/{ESCAPES}").touch()
    (workspace / f".fustor-new-{ESCAPES}").mkdir()
    (workspace / f".fustor-new-{ESCAPES}/x").touch()
    for command in (
        ["list"],
        ["doctor"],
        ["doctor", "--json"],
        ["update", DRIVER],
        ["remove", DRIVER],
        ["register", DRIVER],
    ):
        answer(*command, cwd=workspace)
    said = capsys.readouterr()
    assert not set(said.out + said.err) & set(ESCAPES) - set("0;x[31m]")
