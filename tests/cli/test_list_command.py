"""`list`, as the installed command."""

import json
import subprocess

import pytest
from terminals import Terminal
from workspaces import FUSTOR_NEW, NAMED_BY_HAND, done, environment, fustor_new, listed, small, write_project

from fustor_new.package.verdicts import VERDICTS_FILE, sources_digest
from fustor_new.template.history import template_version

pytestmark = pytest.mark.wide

REDIS = "extensions/source-redis"


def test_list_tells_what_is_known_of_each_driver(populated):
    write_project(populated / "extensions/source-hand", NAMED_BY_HAND.format("hand", "hand"))
    write_project(populated / "old/source-old", NAMED_BY_HAND.format("old", "old"))
    with (populated / REDIS / "README.md").open("a") as file:
        file.write("mine\n")
    found = listed(populated)
    assert found.keys() == {"source-redis", "pusher-my-db", "source-hand"}
    redis, hand = found["source-redis"], found["source-hand"]
    assert (redis["kind"], redis["name"], redis["version"]) == ("source", "redis", "0.1.0")
    assert (redis["registered"], redis["registration"]) == (
        True,
        {"verdict": "listed", "pattern": REDIS, "installed": True},
    )
    assert (redis["template_version"], redis["template_behind"]) == (template_version(), False)
    assert redis["modified"] == ["README.md"]
    assert found["pusher-my-db"]["modified"] == []
    assert (hand["registered"], hand["template_version"], hand["modified"]) == (False, None, None)


def test_list_without_a_standard_output_lists_for_nobody(populated):
    command = ["sh", "-c", '"$@" >&-', "sh", FUSTOR_NEW, "list"]
    ended = subprocess.run(command, cwd=populated, env=environment(), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_list_says_which_pattern_decides(tmp_path):
    root = small(tmp_path / "workspace")
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["extensions/*"]\nexclude = ["*/source-b"]\n')
    for name in ("a", "b"):
        write_project(root / f"extensions/source-{name}", NAMED_BY_HAND.format(name, name))
    found = listed(root)
    assert found["source-a"]["registration"] == {
        "verdict": "covered",
        "pattern": "extensions/*",
        "installed": True,
    }
    assert found["source-b"]["registration"] == {
        "verdict": "excluded",
        "pattern": "*/source-b",
        "installed": False,
    }


def test_list_is_a_plain_table_where_nobody_looks(populated):
    lines = done(populated, "list").splitlines()
    assert lines[0].split() == [
        "driver", "version", "registered", "template", "modified", "conformance", "directory"
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["pusher-my-db", "source-redis"]
    assert len({line.index(word) for line, word in zip(lines, ("version", "0.1.0", "0.1.0"), strict=True)}) == 1


def test_list_and_doctor_stay_readable_where_a_value_has_no_end(populated):
    path = populated / "extensions/source-redis/pyproject.toml"
    path.write_text(path.read_text().replace('version = "0.1.0"', f'version = "{"9" * 100_000}x!"'))
    for command in ("list", "doctor"):
        done = fustor_new(command, cwd=populated)
        assert "999..." in done.stdout
        assert max(map(len, done.stdout.splitlines())) < 600


def test_list_is_a_table_on_a_terminal(populated):
    elsewhere = dict.fromkeys(("stdin", "stderr"), subprocess.DEVNULL)
    command = (FUSTOR_NEW, "list")
    with Terminal(*command, cwd=populated, environ=environment(), elsewhere=elsewhere, COLUMNS="160") as terminal:
        assert terminal.finish() == 0
    assert b"source-redis" in terminal.raw
    assert b"\x1b[1m" in terminal.raw  # the headings are bold


def test_list_knows_a_project_of_its_own(tmp_path):
    done(tmp_path, "source", "redis", "--standalone", "-q")
    (row,) = listed(tmp_path / "fustor-source-redis" / "src").values()
    assert (row["registered"], row["registration"], row["template_version"]) == (None, None, template_version())
    done(tmp_path, "list", code=5)


def test_list_goes_on_where_a_package_cannot_be_read(populated):
    write_project(populated / "extensions/source-broken", "[project")
    (populated / REDIS / ".copier-answers.yml").write_text("a: [")
    result = fustor_new("list", cwd=populated)
    assert (result.returncode, result.stdout.count("\n")) == (0, 3)
    assert "source-broken" in result.stderr
    assert ".copier-answers.yml" in result.stderr


def test_list_shows_a_recorded_verdict_until_the_sources_change(populated):
    verdict = {
        "kind": "source",
        "name": "redis",
        "profile": "guide",
        "conformant": True,
        "kit_version": "1.0.0",
        "date": "2026-11-24",
        "sources": sources_digest(populated / REDIS),
    }
    (populated / REDIS / VERDICTS_FILE).write_text(json.dumps({"schema": 1, "verdicts": [verdict, {"kind": 1}]}))
    (shown,) = listed(populated)["source-redis"]["conformance"]
    assert (shown["conformant"], shown["profile"], shown["stale"]) == (True, "guide", False)
    assert "conformant (guide) " in done(populated, "list")
    with (populated / REDIS / "src/fustor_source_redis/driver.py").open("a") as file:
        file.write("# changed\n")
    assert "conformant (guide, stale)" in done(populated, "list")


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({"outcome": "conformant", "exercised": 61, "rules": 74}, "conformant, 61 of 74 rules (guide, stale)"),
        (
            {"conformant": False, "outcome": "not judged", "exercised": 9, "rules": 74},
            "not judged, 9 of 74 rules (guide",
        ),
        ({"outcome": "not judged", "exercised": "x", "rules": True}, "conformant (guide, stale)"),
    ],
)
def test_list_counts_the_rules_that_were_exercised(populated, counts, shown):
    said = {"kind": "source", "name": "redis", "profile": "guide", "kit_version": "1.0.0", "date": "2026-11-24"}
    verdict = {**said, "conformant": True, "sources": "0", "not_exercised": ["A10-unreadable-directory", 3], **counts}
    (populated / REDIS / VERDICTS_FILE).write_text(json.dumps({"schema": 1, "verdicts": [verdict]}))
    assert shown in done(populated, "list")
    (one,) = listed(populated)["source-redis"]["conformance"]
    assert one["not_exercised"] == ["A10-unreadable-directory"]
