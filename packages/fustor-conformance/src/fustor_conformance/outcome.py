"""What a check says of a driver."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from fustor_conformance.rules import Level, Rule

__all__ = [
    "BROKEN_FIRST",
    "Broken",
    "NotApplicable",
    "NotJudged",
    "Status",
    "Verdict",
    "as_broken",
    "as_evidence",
    "printable",
]

BROKEN_FIRST = " was broken first: "
"""Stands in the first line of a detail between another rule and what broke it, before what the check itself says."""


class Broken(Exception):  # noqa: N818 - a verdict, not an error of the kit
    """The driver breaks the rule. Raised by checks.

    Args:
        seen: what was seen, in one sentence.
        evidence: the events, rows or replies that show it; printed with `!r`.
    """

    def __init__(self, seen: str, *evidence: object) -> None:
        super().__init__(seen)
        self.seen = seen
        self.evidence = evidence
        self.thread = threading.current_thread().name

    def __str__(self) -> str:
        lines = [self.seen, *(f"  {as_evidence(item)}" for item in self.evidence)]
        return "\n".join(lines)


def as_broken(error: Exception, seen: Callable[[str], str], frames: int) -> Broken:
    """Whatever was raised, as a verdict, `seen` in other words; of what is none, with the last frames as evidence."""
    if isinstance(error, Broken):
        return Broken(seen(error.seen), *error.evidence)
    trace = traceback.format_tb(error.__traceback__)[-frames:]
    return Broken(seen(f"{type(error).__name__}: {error}"), *trace)


class NotApplicable(Exception):  # noqa: N818 - a verdict, not an error of the kit
    """The driver or its World declares that it has nothing this check could look at."""


class NotJudged(Exception):  # noqa: N818 - a verdict, not an error of the kit
    """The check lacks something that it needs, so it says nothing."""


class Status(StrEnum):
    """The outcome of one check. Only `PASSED` and `SKIPPED` let a driver be conformant."""

    PASSED = "passed"
    FAILED = "failed"
    TODO = "to do"
    SKIPPED = "skipped"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Verdict:
    """One check's outcome: `detail` says what was seen, or why it did not run."""

    rule: Rule
    level: Level | None
    status: Status
    detail: str = ""
    observed: int = 0
    seconds: float = 0.0
    without: tuple[str, ...] = ()
    """What the check asked of the World and the World cannot do, so that it looked at less."""

    @property
    def word(self) -> str:
        """The status as people read it: a SHOULD that failed is advice."""
        return "advice" if self.status is Status.FAILED and self.level is Level.SHOULD else str(self.status)

    @property
    def follows(self) -> bool:
        """Whether another rule was broken before this one in the same check; `detail` names it."""
        return BROKEN_FIRST in self.detail.partition("\n")[0]

    @property
    def is_exercised(self) -> bool:
        """Whether the check ran to its end, one way or the other."""
        return self.status in (Status.PASSED, Status.FAILED)

    @property
    def not_exercised(self) -> str:
        """What was not looked at, and why; empty where everything was."""
        if self.is_exercised:
            return f"without {', '.join(self.without)}" if self.without else ""
        return self.detail.partition("\n")[0] or str(self.status)

    @property
    def blocks(self) -> bool:
        """Whether it keeps the driver from being conformant."""
        return self.level is Level.MUST and self.status not in (Status.PASSED, Status.SKIPPED)

    def explained(self) -> str:
        """The failure as an author needs it: rule, what was seen, why it matters, the smallest fix, the source."""
        return "\n".join(
            (
                f"{self.rule.name}: {self.rule.rule}",
                f"seen    {self.detail}",
                f"why     {self.rule.why}",
                f"fix     {self.rule.fix}",
                f"source  {self.rule.source}",
            )
        )


def printable(text: str) -> str:
    """The text without what UTF-8 or XML has no place for, surrogates and control characters, which are spelled out."""
    return "".join(c if c in "\n\t" or (c >= " " and not "\ud800" <= c <= "\udfff") else repr(c)[1:-1] for c in text)


_LONGEST_EVIDENCE = 600


def as_evidence(item: object) -> str:
    """What a driver gave, as text; what it raises when it is shown must not hide what was seen."""
    try:
        text = item if isinstance(item, str) else repr(item)
    except Exception as err:  # noqa: BLE001 - as above
        text = f"<{type(item).__name__} that cannot be shown: {err!r}>"
    return text if len(text) <= _LONGEST_EVIDENCE else f"{text[:_LONGEST_EVIDENCE]}... ({len(text)} characters)"
