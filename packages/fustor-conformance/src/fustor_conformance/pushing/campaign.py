"""Runs a rule's histories: those written by hand, then drawn ones while there is time; the first that fails is cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Self

from fustor_conformance._noting import left_out
from fustor_conformance._scenes import in_time
from fustor_conformance.outcome import Broken, as_broken
from fustor_conformance.pushing.draw import Plan, draw, shorten
from fustor_conformance.pushing.play import Player, Refused
from fustor_conformance.pushing.seen import Shelf
from fustor_conformance.pushing.steps import Step, script
from fustor_conformance.pushing.words import Sentence
from fustor_conformance.subject import PusherSubject
from fustor_core.drivers import PusherDriver

__all__ = ["Campaign"]

_STRIDE = 7
_USUAL = 20
"""So many histories are asked for where nothing else is said (`--histories`)."""
_SHORTEN_SEC = 10.0
_WRITTEN_SEC = 15.0
"""What the written histories of a rule may take: a slow pusher plays as many of them, and the verdict says how many."""


@dataclass
class _Game:
    """One history, being played or done."""

    steps: Sequence[Step]
    player: Player
    says: str = ""
    seed: int | None = None
    observed: int = 0
    failure: Exception | None = None
    refused: bool = False


class Campaign:
    """Histories on one system, each with a task and a directory of its own, so that none sees another's rows.

    What they are judged by is what is stored, or the `index` that is committed after each step, and nothing else.
    One history begins on the instance that the one before it has left, as hosts run several tasks; what goes wrong
    there is played once more on instances of its own.

    Args:
        subject: the driver.
        rule_id: the rule that is judged.
        at_root: let paths begin at `/`; then there is room for one history.
        index: judge by the committed index.
    """

    def __init__(self, subject: PusherSubject, rule_id: str, *, at_root: bool = False, index: bool = False) -> None:
        self._subject = subject
        self._rule_id = rule_id
        self._at_root = at_root
        self._index = index
        self._stack = ExitStack()
        self._number = 0
        self._alone = False
        self._instances: list[PusherDriver] = []

    def __enter__(self) -> Self:
        self._world = self._stack.enter_context(self._subject.world())
        self._shelf = Shelf(self._world)
        self._runner = self._stack.enter_context(asyncio.Runner())
        self._stack.callback(self._close)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def _close(self) -> None:
        while self._instances:
            self._runner.run(self._instances.pop().close())

    def sentences(self, sentences: Iterable[Sentence]) -> int:
        """How much the written histories have shown; with another seed a slow pusher begins with others of them.

        Raises:
            Broken: one went wrong; it names the sentence.
        """
        return self._concluded(self._written(list(sentences)))

    def _written(self, sentences: list[Sentence]) -> Iterator[_Game]:
        options = self._subject.options
        deadline = time.monotonic() + _WRITTEN_SEC * max(1.0, options.histories / _USUAL)
        first = (options.seed - 1) * _STRIDE % max(1, len(sentences))
        for number, sentence in enumerate(sentences[first:] + sentences[:first]):
            if time.monotonic() > deadline:
                rest = len(sentences) - number
                left_out(f"{rest} of {len(sentences)} written histories, for which the driver is slow")
                return
            yield self._play(sentence.steps, says=f"{sentence.says}. ")

    def kept(self, groups: Iterable[Sentence], one_by_one: Callable[[], Iterable[Sentence]]) -> int:
        """How many values came back; where the pusher sets some aside, each is tried alone and those do not count.

        Raises:
            Broken: one is another one now.
        """
        games = [self._play(group.steps, says=f"{group.says}. ") for group in groups]
        if any(game.refused for game in games):
            return self.sentences(one_by_one())
        return self._concluded(games)

    def drawn(self, plan: Plan, share: float, limit_sec: float) -> int:
        """How much the drawn histories have shown: a `share` of as many as are asked for, in about `limit_sec`.

        Raises:
            Broken: one went wrong; what is shown is the shortest form of it that was found.
        """
        options = self._subject.options
        seconds = limit_sec * max(1.0, options.histories / _USUAL)
        numbers = in_time(range(max(1, round(options.histories * share))), seconds)
        histories = (draw(f"{options.seed} {self._rule_id} {number}", plan) for number in numbers)
        return self._concluded(self._play(steps, seed=options.seed) for steps in histories)

    def _concluded(self, games: Iterable[_Game]) -> int:
        """What all of them have shown; what is stored is read once, after all of them.

        A store need not keep the rows of two tasks apart. One that does not is found out here, when a history goes
        wrong among others and not alone; from then on each one is read after it was played.
        """
        done: list[_Game] = []
        games = iter(games)
        for game in games:
            done.append(game)
            if game.failure is not None:
                break
            if self._alone:
                self._read_after(done)
                self._judge(game)
        self._read_after(done)
        for game in done:
            if not self._alone:
                self._judge(game)
            if game.failure is not None:
                failure = self._failure(game.steps)
                if failure is None and not self._alone:
                    self._alone = True
                    self._close()
                    again = (self._play(one.steps, says=one.says, seed=one.seed) for one in done)
                    return self._concluded(chain(again, games))
                raise self._explained(game)
        return sum(game.observed for game in done)

    def _read_after(self, done: Sequence[_Game]) -> None:
        """Read what is stored; a destination that the World cannot read any more is what the last history has left."""
        try:
            self._shelf.read()
        except Broken as broken:
            if not done:
                raise
            among = f" (and {len(done) - 1} before it)" if len(done) > 1 else ""
            raise _told(broken, done[-1].steps, done[-1].says, f"{self._again(done[-1].seed)}{among}") from broken

    def _judge(self, game: _Game) -> None:
        if game.failure is None and not game.refused and not self._index:
            try:
                game.observed += game.player.require()
            except Broken as broken:
                game.failure = broken

    def _explained(self, game: _Game) -> Broken:
        steps = game.steps
        if game.seed is not None:
            fails: Callable[[Sequence[Step]], bool] = lambda kept: self._failure(kept) is not None  # noqa: E731
            steps = shorten(steps, fails, limit_sec=_SHORTEN_SEC)
        first = self._failure(steps, watched=True) or game.failure
        assert first is not None  # noqa: S101 - only failed games are explained
        return _told(first, steps, game.says, self._again(game.seed))

    def _failure(self, steps: Sequence[Step], *, watched: bool = False) -> Exception | None:
        game = self._play(steps, watched=watched, alone=True)
        if game.failure is None:
            self._shelf.read()
            self._judge(game)
        return game.failure

    def _again(self, seed: int | None) -> str:
        kind, name = self._subject.kind.value, self._subject.name
        drawn = "" if seed is None else f" --seed {seed} --histories {self._subject.options.histories}"
        return f"fustor-driver conform {kind} {name} {self._rule_id}{drawn}"

    def _play(
        self,
        steps: Sequence[Step],
        *,
        says: str = "",
        seed: int | None = None,
        watched: bool = False,
        alone: bool = False,
    ) -> _Game:
        self._number += 1
        name = f"kit{self._number}"
        root = "" if self._at_root else f"/{name}"
        instances = None if alone or self._alone else self._instances
        player = Player(self._subject, self._world, self._shelf, task=f"kit:{name}", root=root, instances=instances)
        game = _Game(steps, player, says, seed)
        try:
            game.observed = self._runner.run(player.play(steps, watched=watched, index=self._index))
        except Refused:
            game.refused = True
        except NotImplementedError:
            raise
        except Exception as err:  # noqa: BLE001 - whatever a history ends with is what it shows
            game.failure = err
        return game


def _told(error: Exception, steps: Sequence[Step], says: str, again: str) -> Broken:
    return as_broken(error, lambda seen: f"{says}{seen}, after this (again: {again}):{script(steps)}", 3)
