"""The adoption form: subclass, name the distribution, and every check of the kit is one test.

    class TestPostgresSource(SourceConformance):
        distribution = "fustor-source-postgres"

Whatever a driver lacks, no check is dropped: each one passes, fails, or is shown as to do, skipped or not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from fustor_conformance.judge import Judge
from fustor_conformance.outcome import Status, Verdict
from fustor_conformance.plugin import ahead, is_news, is_told, judge_for, options_of, record, strict
from fustor_conformance.rules import Kind, Level, Rule, rules_for
from fustor_conformance.subject import Options, Subject, subject_of_class, subject_of_distribution

__all__ = ["PusherConformance", "SourceConformance"]


class _Conformance:
    """What both kinds share."""

    kind: ClassVar[Kind]
    distribution: ClassVar[str | None] = None
    """The installed distribution; its entry points lead to the driver and to its World."""
    driver_class: ClassVar[type[Any] | None] = None
    """In place of `distribution`, for a class that is not installed; family P is not judged then."""

    @pytest.fixture
    def world(self) -> Callable[[], Any] | None:
        """Override it with the World's class, or a function that makes one; otherwise the registered one is taken."""
        return None

    @pytest.fixture
    def conformance(self, request: pytest.FixtureRequest, world: Callable[[], Any] | None) -> Judge:
        """The judge of this class, one for all its tests."""
        cls = type(self)
        return judge_for(request.config, cls, lambda: cls.subject(world, options_of(request.config)))

    @classmethod
    def is_installed(cls, world: Callable[[], Any] | None) -> bool:
        """Whether another process finds the driver and its World by itself."""
        return cls.driver_class is None and world is None

    @classmethod
    def subject(cls, world: Callable[[], Any] | None, options: Options) -> Subject:
        """What is judged."""
        if cls.driver_class is not None:
            return subject_of_class(cls.kind, cls.driver_class, world, name=cls.__name__, options=options)
        if cls.distribution is None:
            raise pytest.UsageError(f"{cls.__name__} says nothing to judge; set `distribution` to the driver's name")
        return subject_of_distribution(cls.kind, cls.distribution, world=world, options=options)


def _test_of(kind: Kind) -> Any:
    """The test of a class for drivers of this kind."""

    @pytest.mark.parametrize("rule", rules_for(kind), ids=lambda rule: rule.name)
    def test_conforms(
        self: _Conformance,
        rule: Rule,
        conformance: Judge,
        world: Callable[[], Any] | None,
        request: pytest.FixtureRequest,
    ) -> None:
        """The driver keeps this rule."""
        _conclude(conformance, rule, request, installed=self.is_installed(world))

    return test_conforms


class SourceConformance(_Conformance):
    """Every check for sources. Needs `distribution`, and a World for all that is not mere shape."""

    kind: ClassVar[Kind] = Kind.SOURCE
    test_conforms = _test_of(kind)


class PusherConformance(_Conformance):
    """Every check for pushers. Needs `distribution`, and a World for all that is not mere shape."""

    kind: ClassVar[Kind] = Kind.PUSHER
    test_conforms = _test_of(kind)


def _conclude(judge: Judge, rule: Rule, request: pytest.FixtureRequest, *, installed: bool) -> None:
    ahead(request, judge, rule, installed=installed)
    verdict = judge.verdict(rule)
    others = [seen for seen in judge.seen_during(rule) if is_news(request, seen.rule)]
    if verdict.status is Status.FAILED:
        is_told(request, rule)
    record(request.node, judge, verdict, *others)
    red = [found for found in (*others, verdict) if _is_red(found, strict=strict(request.config))]
    if red:
        pytest.fail("\n\n".join(found.explained() for found in red), pytrace=False)
    if verdict.status is Status.PASSED:
        return
    pytest.skip(f"{verdict.status}: {verdict.detail}")


def _is_red(verdict: Verdict, *, strict: bool) -> bool:
    if verdict.status is Status.FAILED:
        return verdict.level is Level.MUST
    return strict and verdict.blocks
