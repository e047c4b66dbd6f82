"""`fustor-driver doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fustor_driver.commands._options import JsonOption, file, subcommand
from fustor_driver.doctor import Environment, Finding, Level, diagnose
from fustor_driver.errors import EnvironmentProblem
from fustor_driver.registry import Registry
from fustor_driver.reporting import SHOWN, print_json, show_lines

_CONTRACT = (1, 0)
_FAMILY = "fustor"
PythonOption = Annotated[
    Path | None,
    file(
        "Look at the environment of this interpreter, or in this directory, instead; nothing there is imported.",
        "--python",
        metavar="PATH",
    ),
]


@subcommand
def doctor_command(python: PythonOption = None, *, json: JsonOption = False) -> None:
    """Examine what is installed, and name what contradicts.

    It names agents and cores that do not fit each other, drivers that do not load or that a host does not find, and
    imports that a package does not declare. Exit code 7 if there is an error among the findings.
    """
    environment = Environment.at(python) if python else Environment.own()
    can_load = environment.is_own and environment.release("fustor-core") >= _CONTRACT
    registry = Registry.installed() if can_load else Registry.read(environment.entries)
    findings = diagnose(environment, registry)
    versions = _family(environment)
    if json:
        print_json({"installed": versions, "findings": [asdict(finding) for finding in findings]})
    else:
        _tell(versions, registry, findings)
    if any(finding.level is Level.ERROR for finding in findings):
        raise typer.Exit(EnvironmentProblem.exit_code)


def _family(environment: Environment) -> dict[str, str]:
    """Every installed distribution of the Fustor family, with its version."""
    found = {dist.name: dist.version for name, dist in environment.distributions.items() if name.startswith(_FAMILY)}
    return dict(sorted(found.items()))


def _tell(versions: dict[str, str], registry: Registry, findings: tuple[Finding, ...]) -> None:
    if not SHOWN.quiet:
        show_lines(f"{name} {version}" for name, version in versions.items())
        show_lines([f"{len(registry.of(kind))} {kind}s" for kind in sorted({record.kind for record in registry})])
    for finding in findings:
        show_lines([f"\n{finding.level}: {finding.subject}: {finding.text}", f"  {finding.remedy}"])
        if finding.command:
            show_lines([f"    {finding.command}"])
        if finding.detail:
            show_lines(f"    {line}" for line in finding.detail.rstrip().splitlines())
    if not findings and not SHOWN.quiet:
        show_lines(["Nothing contradicts"])
