import io
import json
from xml.etree import ElementTree as ET

import pytest
import typer
from kit_packages import STUB_PUSHER, STUB_PUSHER_WORLD, install
from rich.console import Console
from tiers import sampled
from typer.testing import CliRunner

from fustor_conformance import Kind, Level, Profile, Report, Status, find_rule, rules_for
from fustor_conformance._verdict_file import VERDICTS_FILE, sources_digest
from fustor_conformance.cli import conform, explain
from fustor_conformance.outcome import Broken, Verdict
from fustor_conformance.report import verdict_from_json, verdict_to_json, write_reports
from fustor_conformance.rules import FAMILIES, all_rules

app = typer.Typer()
app.command()(conform)
app.command()(explain)

VERDICTS = (
    Verdict(find_rule("S01"), Level.MUST, Status.PASSED, observed=3, seconds=0.5),
    Verdict(find_rule("S02"), Level.MUST, Status.FAILED, "Told\x00 '\udcff' | twice\nmore", seconds=0.1),
    Verdict(find_rule("S03"), Level.SHOULD, Status.TODO, "Write X.y"),
    Verdict(find_rule("S04"), Level.MUST, Status.SKIPPED, "The World declares no 'delete'"),
)
REPORT = Report(Kind.SOURCE, "memory", "1", Profile.GUIDE, VERDICTS)


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.status)
def test_a_verdict_survives_json(verdict):
    assert verdict_from_json(json.loads(json.dumps(verdict_to_json(verdict)))) == verdict


def test_junit_counts_and_can_be_parsed(tmp_path):
    write_reports([REPORT], tmp_path / "r.xml")
    (suite,) = ET.parse(tmp_path / "r.xml").getroot()  # noqa: S314 - written by the line above
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "2")
    assert "S02-repeatable" in {case.get("name") for case in suite}


def test_markdown_has_one_line_a_check(tmp_path):
    write_reports([REPORT], tmp_path / "r.md")
    lines = [line for line in (tmp_path / "r.md").read_text(errors="replace").splitlines() if line.startswith("| S")]
    assert len(lines) == 4
    assert all(line.count("|") - line.count("\\|") == 8 for line in lines)


@pytest.mark.parametrize("columns", [60, 80, 130])
def test_the_table_has_room_for_what_was_seen_on_every_terminal(columns):
    seen = "The container '/main/items' was told and never listed"
    verdict = Verdict(find_rule("A10"), Level.MUST, Status.FAILED, seen, seconds=0.1)
    console = Console(width=columns, file=io.StringIO())
    console.print(Report(Kind.SOURCE, "memory", "1", Profile.GUIDE, (verdict,)).table(console.width))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= columns
    assert sum(any(word in line for word in seen.split()) for line in lines) <= 3, "\n".join(lines)


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'\.txt'; end the name with \.json, \.xml, \.md"):
        write_reports([REPORT], tmp_path / "r.txt")


def test_a_failure_says_rule_what_was_seen_why_fix_and_source():
    text = VERDICTS[1].explained()
    assert [line.split()[0] for line in text.splitlines() if line.split()[0] in ("seen", "why", "fix", "source")] == [
        "seen",
        "why",
        "fix",
        "source",
    ]


def test_evidence_is_cut_where_it_is_long():
    assert "characters)" in str(Broken("Too much", "x" * 5000))


@pytest.fixture
def stub(tmp_path, monkeypatch):
    modules = {"__init__": "", "driver": STUB_PUSHER, "testing": STUB_PUSHER_WORLD}
    install(tmp_path, "pusher", modules, name="clistub")
    monkeypatch.syspath_prepend(tmp_path)
    return "clistub"


def run(*arguments):
    here = ["-j", "1"] if arguments[0] == "conform" else []
    return CliRunner().invoke(app, [*map(str, arguments), *here], env={"COLUMNS": "200"})


def test_a_driver_that_is_not_conformant_exits_8(stub):
    done = run("conform", "pusher", stub)
    assert done.exit_code == 8
    assert "pusher clistub: not conformant (guide" in done.output


def test_chosen_checks_that_pass_exit_0(stub, tmp_path):
    done = run("conform", "pusher", f"fustor-pusher-{stub}", "C01", "p01", "--report", tmp_path / "r.json", "-q")
    assert (done.exit_code, done.output.count("\n")) == (0, 1)
    assert "2 checks chosen, nothing broken" in done.output
    (report,) = json.loads((tmp_path / "r.json").read_text())["reports"]
    assert [verdict["id"] for verdict in report["verdicts"]] == ["C01", "P01"]


def test_json_is_the_report(stub):
    done = run("conform", "pusher", stub, "C01", "--json")
    assert (json.loads(done.output)["conformant"], json.loads(done.output)["complete"]) == (False, False)


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("conform", "pusher", "nobody"), 7, "No pusher 'nobody' is installed"),
        (("conform", "pusher", "clistub", "Z99"), 2, "No check is called 'Z99'"),
        (("conform", "pusher", "clistub", "--report", "x.txt"), 2, "A report cannot be written to 'x.txt'"),
        (("conform", "pusher", "clistub", "C01", "--report", "/no/such/place/r.md"), 7, "cannot be written: No such"),
        (("conform", "pusher", "clistub", "--world", "no.such:World"), 7, "World 'no.such:World' does not load"),
        (("conform", "pusher", "clistub", "--profile", "agent-0.1"), 2, "Invalid value"),
        (("conform", "nothing", "clistub"), 2, "Invalid value"),
        (("explain", "Z99"), 2, "No check is called 'Z99'"),
    ],
)
def test_what_cannot_be_done_says_so_in_a_line(arguments, code, text):
    done = run(*arguments)
    assert (done.exit_code, text in done.output) == (code, True), done.output


def test_explain_prints_and_gives_json():
    assert "A10-unreadable-directory" in run("explain", "A10").output
    assert json.loads(run("explain", "A10", "--json").output)["id"] == "A10"


def test_explain_finds_a_check_by_a_part_of_its_name_and_proposes_near_names():
    assert run("explain", "unreadable").output.startswith("A10-unreadable-directory\n")
    several = run("explain", "snapshot").output
    assert "U15-snapshot-replaces" in several
    assert "U22-snapshot-end-in-histories" in several
    assert run("explain", "unreadble-directory").exit_code == 2
    assert "did you mean unreadable-directory" in run("explain", "unreadble-directory").output


def test_explain_without_a_name_lists_every_check_by_family():
    listed = run("explain").output
    assert all(f"  {rule.name} " in listed for rule in all_rules())
    assert [line[0] for line in listed.splitlines() if not line.startswith(" ")] == list(FAMILIES)
    assert len(json.loads(run("explain", "--json").output)) == len(all_rules())


@pytest.fixture
def package(stub, tmp_path):
    """Return the directory that the stub is installed from, as `pip install -e` says so."""
    folder = tmp_path / "a package"
    (folder / "src").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[project]\n")
    (folder / "src/driver.py").write_text("x = 1\n")
    origin = {"url": folder.as_uri(), "dir_info": {"editable": True}}
    (tmp_path / f"fustor_pusher_{stub}-0.1.0.dist-info/direct_url.json").write_text(json.dumps(origin))
    return folder


@pytest.mark.wide
def test_a_recorded_verdict_is_the_last_one_on_each_driver_and_profile(package, stub):
    others = {"kind": "source", "name": "z", "profile": "guide"}
    (package / VERDICTS_FILE).write_text(json.dumps({"schema": 1, "verdicts": [others]}))
    for _ in range(2):
        assert run("conform", "pusher", stub, "--record", "-q").exit_code == 8
    recorded = json.loads((package / VERDICTS_FILE).read_text())
    mine, kept = recorded["verdicts"]
    assert (recorded["schema"], kept) == (1, others)
    assert {key: mine[key] for key in ("kind", "name", "profile", "conformant", "driver_version")} == {
        "kind": "pusher",
        "name": stub,
        "profile": "guide",
        "conformant": False,
        "driver_version": "0.1.0",
    }
    assert mine["sources"] == sources_digest(package)
    assert (mine["outcome"], mine["rules"]) == ("not conformant", len(rules_for(Kind.PUSHER, Profile.GUIDE)))
    assert mine["exercised"] + len(mine["not_exercised"]) == mine["rules"]
    assert "U15-snapshot-replaces" in mine["not_exercised"]


@pytest.mark.parametrize("text", sampled(["", "[]", '{"schema": 2}', '{"schema": 1, "verdicts": 3}']))
@pytest.mark.wide
def test_a_file_of_verdicts_that_says_nothing_is_written_anew(package, stub, text):
    (package / VERDICTS_FILE).write_text(text)
    run("conform", "pusher", stub, "--record", "-q")
    assert len(json.loads((package / VERDICTS_FILE).read_text())["verdicts"]) == 1


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("src/driver.py", True),
        ("pyproject.toml", True),
        ("tests/test_x.py", False),
        (".venv/x.py", False),
        ("x.md", False),
    ],
)
def test_a_verdict_is_stale_once_a_source_changes(package, path, counts):
    before = sources_digest(package)
    (package / path).parent.mkdir(exist_ok=True)
    (package / path).write_text("# changed\n")
    assert (sources_digest(package) != before) == counts


def test_a_verdict_on_some_checks_is_not_recorded(package, stub):
    assert run("conform", "pusher", stub, "C01", "--record").exit_code == 2
    assert not (package / VERDICTS_FILE).exists()


def test_what_is_not_installed_from_a_directory_has_no_place_for_a_verdict(stub):
    done = run("conform", "pusher", stub, "--record")
    assert (done.exit_code, "pip install -e" in done.output) == (7, True)


@pytest.mark.parametrize("columns", [60, 80, 130])
def test_an_explanation_is_as_wide_as_the_terminal_at_most(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = CliRunner().invoke(app, ["explain", "A10"], catch_exceptions=False).stdout
    assert max(map(len, shown.splitlines())) <= min(columns, 100)
