"""The pytest plugin: shows verdicts as what they are, and writes reports.

It does nothing in a run without conformance classes.
It is loaded in every pytest run where the kit is installed, so it imports the kit itself only when there is work.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import pytest

from fustor_driver.kinds import Kind, Profile

if TYPE_CHECKING:
    from fustor_conformance._bench import SideBySide
    from fustor_conformance.judge import Judge
    from fustor_conformance.outcome import Verdict
    from fustor_conformance.report import Report
    from fustor_conformance.rules import Rule
    from fustor_conformance.subject import Options, Subject

__all__ = ["ahead", "is_news", "is_told", "judge_for", "options_of", "record", "strict"]

_PROPERTY = "fustor_conformance"
_WORDS = {
    "to do": ("to do", "t", ("TO DO", {"yellow": True})),
    "not judged": ("not judged", "n", ("NOT JUDGED", {"purple": True})),
    "failed": ("advice", "a", ("ADVICE", {"yellow": True})),
}
_judges: pytest.StashKey[dict[type, Judge]] = pytest.StashKey()
_benches: pytest.StashKey[dict[type, SideBySide]] = pytest.StashKey()
_told: pytest.StashKey[dict[type, set[str]]] = pytest.StashKey()
"""Rules for which a test of another rule was red."""
_WORTH_IT = 12
"""How many checks of a class must be asked for to start processes for them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the kit's options."""
    group = parser.getgroup("fustor", "conformance of Fustor drivers")
    profiles = [profile.value for profile in Profile]
    group.addoption("--fustor-profile", choices=profiles, default=profiles[0], help="the host whose rules are asked")
    group.addoption(
        "--fustor-report",
        action="append",
        default=[],
        type=_report_path,
        metavar="FILE",
        help="write the verdicts to FILE: .json, .xml (JUnit) or .md; may be given more than once",
    )
    group.addoption("--fustor-patience", type=float, default=10.0, metavar="SEC", help="how long a change may take")
    group.addoption("--fustor-histories", type=int, default=20, metavar="N", help="how many random histories (R05)")
    group.addoption("--fustor-seed", type=int, default=1, metavar="N", help="what they are drawn from")
    group.addoption("--fustor-long", action="store_true", help="ten times the histories")
    group.addoption("--fustor-strict", action="store_true", help="fail on any MUST that did not pass, to do included")
    group.addoption("--fustor-jobs", type=int, default=4, metavar="N", help="checks side by side, in processes")
    group.addoption("--fustor-released", action="store_true", help="also run beside the released cores (P06; slow)")
    group.addoption("--fustor-agents", action="store_true", help="also run under the released agents (R04; slow)")


def pytest_configure(config: pytest.Config) -> None:
    """Make room for this run's judges and verdicts."""
    config.stash[_judges] = {}
    config.stash[_benches] = {}
    config.stash[_told] = {}
    config.pluginmanager.register(_Verdicts(), "fustor-conformance-verdicts")


def judge_for(config: pytest.Config, owner: type, make_subject: Callable[[], Subject]) -> Judge:
    """The judge of the test class `owner`, made when it is first asked for."""
    judges = config.stash[_judges]
    if owner not in judges:
        from fustor_conformance.judge import Judge  # noqa: PLC0415 - not in runs that judge nothing

        judges[owner] = Judge(make_subject(), Profile(config.getoption("--fustor-profile")))
    return judges[owner]


def ahead(request: pytest.FixtureRequest, judge: Judge, rule: Rule, *, installed: bool) -> None:
    """Wait until the judge can say what it says of this rule: meanwhile other processes run the checks of its class.

    They do for a driver that is `installed` with its World, which they find by themselves, and where pytest itself runs
    in one process.
    """
    benches, owner = request.config.stash[_benches], request.cls
    if owner not in benches:
        jobs = request.config.getoption("--fustor-jobs")
        if not installed or jobs < 2 or hasattr(request.config, "workerinput"):  # noqa: PLR2004
            return
        rules = _rules_of(request)
        if len(rules) < _WORTH_IT:
            return
        from fustor_conformance._bench import SideBySide  # noqa: PLC0415 - not in runs that judge nothing

        benches[owner] = SideBySide(judge, rules, None, jobs)
    benches[owner].wait(rule)


def is_news(request: pytest.FixtureRequest, rule: Rule) -> bool:
    """Whether the test that runs has to be red for another rule, which was seen broken meanwhile.

    It has, once, where the test of that rule has been run before, or is not among those that are run.
    """
    told = request.config.stash[_told].setdefault(request.cls, set())
    rules = _rules_of(request)
    is_later = rule in rules[rules.index(request.node.callspec.params["rule"]) :]
    if rule.id in told or (is_later and not hasattr(request.config, "workerinput")):
        return False
    told.add(rule.id)
    return True


def is_told(request: pytest.FixtureRequest, rule: Rule) -> None:
    """Note that the test of this rule is red by itself."""
    request.config.stash[_told].setdefault(request.cls, set()).add(rule.id)


def _rules_of(request: pytest.FixtureRequest) -> list[Any]:
    """The rules of the class at work whose tests are run, in their order."""
    return [item.callspec.params["rule"] for item in request.session.items if _is_check(item, request.cls)]


def _is_check(item: pytest.Item, owner: type) -> TypeGuard[pytest.Function]:
    return isinstance(item, pytest.Function) and item.cls is owner and item.originalname == "test_conforms"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End what is still at work."""
    for bench in session.config.stash[_benches].values():
        bench.stop()


def options_of(config: pytest.Config) -> Options:
    """What this run's command line asks for."""
    from fustor_conformance.subject import LONG, Options  # noqa: PLC0415 - not in runs that judge nothing

    return Options(
        opt_in=frozenset(name for name in ("--released", "--agents") if config.getoption(f"--fustor-{name[2:]}")),
        patience_sec=config.getoption("--fustor-patience"),
        histories=config.getoption("--fustor-histories") * (LONG if config.getoption("--fustor-long") else 1),
        seed=config.getoption("--fustor-seed"),
    )


def strict(config: pytest.Config) -> bool:
    """Whether a MUST that did not pass fails, whatever the reason."""
    return bool(config.getoption("--fustor-strict"))


def record(item: pytest.Item, judge: Judge, verdict: Verdict, *others: Verdict) -> None:
    """Attach the verdict, and those of rules seen broken meanwhile, to the report; they travel between processes."""
    from fustor_conformance.report import report_of  # noqa: PLC0415 - not in runs that judge nothing

    item.user_properties.append((_PROPERTY, report_of(judge, [verdict, *others]).to_json()))


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show "to do", "not judged" and advice as words of their own; the rest is pytest's."""
    found = _record_of(report)
    if found is None or report.when != "call" or report.outcome != "skipped":
        return None
    return _WORDS.get(found["verdicts"][0]["status"])


class _Verdicts:
    """Collects this run's verdicts, also those of other processes, and tells them at its end."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = _record_of(report)
        if found is not None and report.when == "call":
            self.records.append(found)

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        if not self.records:
            return
        reports = _merged(self.records)
        terminalreporter.section("Fustor conformance")
        for report in reports:
            for text in (report.summary, *report.notes):
                terminalreporter.write_line(text)
            for verdict in report.verdicts:
                if verdict.status != "passed":
                    note = verdict.detail.partition("\n")[0] or verdict.not_exercised
                    terminalreporter.write_line(f"  {verdict.word:<10}  {verdict.rule.name}: {note}")
            for verdict in report.verdicts:
                if verdict.word == "advice":
                    terminalreporter.write_line(f"\nadvice: {verdict.explained()}")
        from fustor_conformance.report import write_reports  # noqa: PLC0415 - not in runs that judge nothing

        for path in config.getoption("--fustor-report"):
            write_reports(reports, path)


def _record_of(report: pytest.TestReport | pytest.CollectReport) -> dict[str, Any] | None:
    if not isinstance(report, pytest.TestReport):
        return None
    return next((value for name, value in report.user_properties if name == _PROPERTY), None)  # type: ignore[return-value]


def _merged(records: list[dict[str, Any]]) -> list[Report]:
    from fustor_conformance.report import Report, verdict_from_json  # noqa: PLC0415 - not in runs that judge nothing
    from fustor_conformance.rules import all_rules  # noqa: PLC0415 - not in runs that judge nothing

    order = {rule.id: position for position, rule in enumerate(all_rules())}
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    notes: dict[tuple[str, str, str, str], tuple[str, ...]] = {}
    for entry in records:
        key = (entry["kind"], entry["name"], entry["driver_version"], entry["profile"])
        notes[key] = tuple(entry["notes"])
        verdicts = found.setdefault(key, {})
        for verdict in entry["verdicts"]:
            is_known_to_fail = verdicts.get(verdict["id"], verdict)["status"] == "failed"
            if verdict["level"] and not (is_known_to_fail and verdict["id"] in verdicts):
                verdicts[verdict["id"]] = verdict
    return [
        Report(
            Kind(kind),
            name,
            version,
            Profile(profile),
            tuple(verdict_from_json(verdicts[rule_id]) for rule_id in sorted(verdicts, key=order.__getitem__)),
            notes[kind, name, version, profile],
        )
        for (kind, name, version, profile), verdicts in found.items()
    ]


def _report_path(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".json", ".xml", ".md"):
        raise pytest.UsageError(f"A report cannot be written to {text!r}; end the name with .json, .xml or .md")
    return path
