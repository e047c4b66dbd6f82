"""The model that pushers are judged by: its histories are fair, its readings of one mind, its comparison exact."""

import unicodedata
from collections import Counter
from decimal import Decimal
from types import MappingProxyType

import pytest
from kit_mutants.sentences import FoldsEncodedPaths
from kit_pusher import FileWorld, KeyedDriver, KeyedFileWorld, LogDriver

from fustor_conformance import Kind, subject_of_class
from fustor_conformance.checks import find_check
from fustor_conformance.outcome import Broken
from fustor_conformance.pushing.campaign import Campaign
from fustor_conformance.pushing.crowd import at_once, in_order
from fustor_conformance.pushing.draw import Plan, draw, is_fair, shorten
from fustor_conformance.pushing.expected import Expected, Unfair
from fustor_conformance.pushing.seen import is_same
from fustor_conformance.pushing.sentences_audit import AUDITS
from fustor_conformance.pushing.sentences_index import INDEXES, LOGS
from fustor_conformance.pushing.sentences_partial import ORDERED, PARTIALS
from fustor_conformance.pushing.sentences_realtime import ARBITRATION, AT_ROOT, ENDS, MANY
from fustor_conformance.pushing.steps import Begin, Push
from fustor_conformance.pushing.traces import own_fields_kept
from fustor_conformance.pushing.values import VALUES, one_by_one
from fustor_conformance.pushing.words import BEGIN, END, audit, box, found, gone, now, realtime, snapshot, thing
from fustor_conformance.subject import Options
from fustor_event_model import MessageSource

_CROWDS = (at_once(2), in_order(2))
_WRITTEN = (
    *_CROWDS,
    *ARBITRATION,
    *AT_ROOT,
    *ENDS,
    *MANY,
    *PARTIALS,
    *ORDERED,
    *AUDITS,
    *INDEXES,
    *LOGS,
    *VALUES,
    *one_by_one(),
)
_PLAN = Plan(Counter(realtime=4, snapshot=4, end=2, session=1, start=2, audit=3, finish=2, again=2, together=1), 20)


@pytest.mark.parametrize("sentence", _WRITTEN, ids=lambda sentence: sentence.says)
def test_every_written_history_can_be_read_in_one_way(sentence):
    assert is_fair(sentence.steps)


def test_a_seed_draws_the_same_history_and_another_one_another():
    assert draw("1", _PLAN) == draw("1", _PLAN) != draw("2", _PLAN)


def test_drawn_histories_are_fair_and_meet_every_kind_of_step():
    histories = [draw(str(number), _PLAN) for number in range(30)]
    assert all(map(is_fair, histories))
    steps = [step for history in histories for step in history]
    assert {type(step).__name__ for step in steps} == {"Begin", "Push", "Together"}
    assert any(isinstance(step, Push) and step.again for step in steps)
    assert any(isinstance(step, Begin) and step.resumed for step in steps)


@pytest.mark.parametrize(
    "steps",
    [
        [BEGIN, audit(found(thing("a")))],
        [BEGIN, END, END],
        [BEGIN, realtime(now(thing("a")), again=True)],
        [Begin("new", resumed=True)],
        [BEGIN, snapshot(box("d", skipped=True)), snapshot(box("d", 20))],
        [BEGIN, realtime(now(thing("d", at=20))), snapshot(thing("d/x", at=30))],
    ],
    ids=["audit before the end", "two ends", "nothing to repeat", "nothing to resume", "unmarked", "two readings"],
)
def test_what_no_host_does_or_the_contract_leaves_open_is_unfair(steps):
    assert not is_fair(steps)


def test_the_committed_index_may_be_forgotten_by_a_snapshot_or_not():
    steps = [BEGIN, END, realtime(now(thing("a"), index=5)), BEGIN, snapshot(thing("a"), index=7), END]
    assert Expected.of(steps, "/kit").indexes == {5, 7}


def test_an_audit_row_that_tells_nothing_new_need_not_be_written():
    row = thing("a", 1, record={"n": 1})
    known = [BEGIN, snapshot(row), END, audit(found(thing("b"))), realtime(now(thing("c")))]
    start = audit(*_start(), found(thing("a", 1, 40, record={"n": 1}), thing("c", 1, 40)))
    rows = Expected.of([*known, start], "/kit").rows
    assert [one["message_source"] for one in rows["/kit/a"]] == ["snapshot", "audit"]
    assert [one["message_source"] for one in rows["/kit/c"]] == ["audit"], "the mtime of a file is news"


def _start():
    return AUDITS[0].steps[3].events


def test_a_failing_history_is_cut_to_steps_and_rows_that_it_needs():
    steps = [BEGIN, snapshot(thing("a"), thing("b"), thing("c")), END, realtime(now(thing("d"), thing("e")), gone("a"))]

    def fails(kept):
        return any(
            row.path == "e" for step in kept if isinstance(step, Push) for told in step.events for row in told.rows
        )

    assert shorten(steps, fails, limit_sec=30) == [BEGIN, realtime(now(thing("e")))]


def test_an_unfair_step_is_refused():
    with pytest.raises(Unfair):
        Expected("/kit").take(END)


@pytest.mark.parametrize(
    ("found", "pushed", "same"),
    [
        (None, None, True),
        (0, None, False),
        (None, False, True),
        (1, True, True),
        (2**53 + 1, 2**53 + 1, True),
        (float(2**53 + 1), 2**53 + 1, False),
        (Decimal("0.1"), 0.1, True),
        ("12", 12, True),
        ('{"a": null}', {"a": None}, True),
        ({}, {"a": None}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1.0}, {"a": 1}, True),
        ({"a": [1, None]}, {"a": [1, None]}, True),
        ({"a": "1"}, {"a": 1}, False),
        ("x", "x ", False),
        (MessageSource.AUDIT, "audit", True),
        (MappingProxyType({"a": MappingProxyType({})}), {"a": {}}, True),
    ],
)
def test_values_are_compared_exactly_whatever_form_they_are_kept_in(found, pushed, same):
    assert is_same(found, pushed) is same


class OneTableForAll(KeyedDriver):
    """Does not keep the rows of two tasks apart, which no section asks of it."""

    def store(self, state, session, event):
        state["rows"] = [{**row, "_task": session["task"]} for row in state["rows"]]
        super().store(state, session, event)

    def end(self, state, session, task):
        state["rows"] = [{**row, "_task": session["task"]} for row in state["rows"]]
        super().end(state, session, task)


class Bounded(KeyedDriver):
    """Keeps no index, and says so by the base class's answer."""

    get_latest_committed_index = KeyedDriver.__mro__[2].get_latest_committed_index


@pytest.mark.wide
@pytest.mark.parametrize("driver", [OneTableForAll, Bounded])
@pytest.mark.parametrize("rule_id", ["U21", "U22", "U23", "U24"])
def test_unusual_stores_are_in_order(driver, rule_id):
    assert find_check(rule_id, Kind.PUSHER)(subject_of_class(Kind.PUSHER, driver, KeyedFileWorld)) > 0


def _paths(change):
    return lambda row: {**row, "path": change(row["path"])}


def _texts(change):
    def changed(row):
        record = {name: change(value) if isinstance(value, str) else value for name, value in row["record"].items()}
        return {**row, "record": record}

    return lambda row: changed(row) if row.get("record") else row


@pytest.mark.wide
@pytest.mark.parametrize(
    "change",
    [
        _paths(lambda path: path[:255]),
        _paths(lambda path: path.replace("\n", " ")),
        _paths(lambda path: path.replace("\t", " ")),
        _paths(lambda path: path.removesuffix("/null")),
        _paths(lambda path: path.removesuffix("/0")),
        _paths(lambda path: path.replace("~", "home")),
        _texts(lambda text: text.replace("\x01", "")),
        _texts(lambda text: unicodedata.normalize("NFC", text)),
    ],
    ids=["long", "lines", "tabs", "null", "0", "~", "control characters", "accents"],
)
def test_what_a_store_makes_of_odd_paths_and_texts_is_seen(change):
    class Changing(KeyedDriver):
        def store(self, state, session, event):
            super().store(state, session, event.model_copy(update={"rows": list(map(change, event.rows))}))

    with pytest.raises(Broken):
        find_check("U24", Kind.PUSHER)(subject_of_class(Kind.PUSHER, Changing, KeyedFileWorld))


@pytest.mark.wide
def test_two_paths_that_are_taken_for_one_are_seen():
    with pytest.raises(Broken, match="A path comes back"):
        find_check("U24", Kind.PUSHER)(subject_of_class(Kind.PUSHER, FoldsEncodedPaths, KeyedFileWorld))


class UnreadableWorld(FileWorld):
    def stored(self):
        raise ValueError("Torn apart")


def test_a_destination_that_cannot_be_read_is_what_the_last_history_has_left():
    subject = subject_of_class(Kind.PUSHER, LogDriver, UnreadableWorld, name="torn", options=Options(histories=2))
    said = r"(?s)After two pushes at once .*The World cannot read .*Torn apart.*at once: push"
    with Campaign(subject, "U26") as campaign, pytest.raises(Broken, match=said):
        campaign.sentences([in_order(1)])


class ForeignFieldWorld(KeyedFileWorld):
    """Reads what the contract names alone."""

    def stored(self):
        names = {"path", "size", "mtime", "record", "message_source", "is_directory"}
        return [{name: value for name, value in row.items() if name in names} for row in super().stored()]


class KeepsNoForeignField(KeyedDriver):
    def stored_row(self, row, event):
        return {name: value for name, value in super().stored_row(row, event).items() if name != "kit_owner"}


class NeedsNoForeignField(KeepsNoForeignField):
    @classmethod
    async def get_needed_fields(cls, **kwargs):  # noqa: ARG003 - the signature of what it replaces
        return {"properties": {"path": {"type": "string"}}}


def test_a_field_that_no_world_gives_back_is_looked_for_in_the_files():
    def kept(driver):
        return own_fields_kept(subject_of_class(Kind.PUSHER, driver, ForeignFieldWorld, name="foreign"))

    assert kept(KeyedDriver) > 0
    assert kept(NeedsNoForeignField) == 0
    with pytest.raises(Broken, match=r"'kit_owner', .* in the phase 'snapshot'"):
        kept(KeepsNoForeignField)
