"""What "is a Fustor driver" means, executable. Names load when they are used: the pytest plugin is in every run."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fustor_conformance.judge import Judge
    from fustor_conformance.outcome import Status, Verdict
    from fustor_conformance.report import Report
    from fustor_conformance.rules import Kind, Level, Profile, Rule, all_rules, find_rule, rules_for
    from fustor_conformance.subject import Subject, find_subject, subject_of_class, subject_of_distribution
    from fustor_conformance.suite import PusherConformance, SourceConformance
    from fustor_conformance.worlds import PusherWorld, SourceWorld

__all__ = [
    "Judge",
    "Kind",
    "Level",
    "Profile",
    "PusherConformance",
    "PusherWorld",
    "Report",
    "Rule",
    "SourceConformance",
    "SourceWorld",
    "Status",
    "Subject",
    "Verdict",
    "all_rules",
    "find_rule",
    "find_subject",
    "rules_for",
    "subject_of_class",
    "subject_of_distribution",
]

_HOMES = ("rules", "outcome", "worlds", "subject", "judge", "report", "suite")
"""Where they are, what loads little before what loads more."""


def __getattr__(name: str) -> Any:
    for home in _HOMES if name in __all__ else ():
        module = import_module(f"{__name__}.{home}")
        if name in module.__all__:
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
