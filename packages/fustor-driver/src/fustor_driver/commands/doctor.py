"""`fustor-driver doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from fustor_driver.commands._options import JsonOption, QuietOption, VerboseOption
from fustor_driver.diagnosis import Finding, Level, diagnose, installed_versions
from fustor_driver.registry import Registry
from fustor_driver.reporting import known_errors, print_json, set_verbosity, show_lines

_ENVIRONMENT_CODE = 7


@known_errors
def doctor_command(*, json: JsonOption = False, verbose: VerboseOption = 0, quiet: QuietOption = 0) -> None:
    """Examine what is installed, and name what contradicts.

    It names agents and cores that do not fit each other, drivers that do not load or that a host does not find, and
    imports that a package does not declare. Exit code 7 if there is an error among the findings.
    """
    set_verbosity(verbose, quiet)
    registry = Registry.installed()
    findings = diagnose(registry)
    if json:
        print_json({"installed": installed_versions(), "findings": [asdict(finding) for finding in findings]})
    else:
        _tell(registry, findings, quiet)
    if any(finding.level is Level.ERROR for finding in findings):
        raise typer.Exit(_ENVIRONMENT_CODE)


def _tell(registry: Registry, findings: tuple[Finding, ...], quiet: int) -> None:
    if not quiet:
        show_lines(f"{name} {version}" for name, version in installed_versions().items())
        show_lines([f"{len(registry.of(kind))} {kind}s" for kind in sorted({record.kind for record in registry})])
    for finding in findings:
        show_lines([f"\n{finding.level}: {finding.subject}: {finding.text}", f"  {finding.remedy}"])
        if finding.detail:
            show_lines(f"    {line}" for line in finding.detail.rstrip().splitlines())
    if not findings and not quiet:
        show_lines(["Nothing contradicts"])
