"""`--strict`: a monitor watches both drivers while they run; the conformance kit provides it through an entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import entry_points
from typing import Protocol, cast

from fustor_driver.errors import EnvironmentProblem, NotConformant
from fustor_driver.redaction import safe_logger

__all__ = ["MONITOR_GROUP", "watched"]

MONITOR_GROUP = "fustor_driver.monitors"
"""Entry-point group of monitors: a function of driver classes and `on_finding` that watches while its block runs."""

_log = safe_logger("fustor_driver.strict")


class _Finding(Protocol):
    """What a monitor has to say."""

    rule_id: str
    seen: str


@contextmanager
def watched(*driver_classes: type, group: str = MONITOR_GROUP) -> Iterator[None]:
    """While the block runs, every finding is a warning; its end says which rules were broken.

    Raises:
        EnvironmentProblem: no monitor is installed.
        NotConformant: a rule was broken, and the block ended without an error of its own.
    """
    monitor = _monitor(group)
    broken: dict[str, None] = {}

    def note(finding: _Finding) -> None:
        broken[finding.rule_id] = None
        _log.warning("%s is broken: %s", finding.rule_id, finding.seen)

    with monitor(*driver_classes, on_finding=note):
        yield
    if broken:
        raise NotConformant(
            f"The drivers broke {', '.join(broken)}; the log lines say what was seen, `fustor-driver explain ID` why"
        )


def _monitor(group: str) -> Callable[..., AbstractContextManager[object]]:
    for entry in entry_points(group=group):
        return cast("Callable[..., AbstractContextManager[object]]", entry.load())
    raise EnvironmentProblem("--strict needs the conformance kit; install 'fustor-conformance'")
