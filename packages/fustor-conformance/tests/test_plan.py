"""Who makes which check, and when, where several processes share them."""

import threading

from fustor_conformance import Kind, Profile, find_rule, rules_for
from fustor_conformance._bench import Plan
from fustor_conformance._recording import RECORDED

RULES = rules_for(Kind.SOURCE, Profile.GUIDE)


def everything(plan, worker):
    """What this worker makes, in its order, where nobody else is there."""
    while (rule := plan.take(worker)) is not None:
        yield rule
        plan.done(rule)


def beside(plan, worker):
    """The same in a thread of its own, and that thread."""
    taken = []
    thread = threading.Thread(target=lambda: taken.extend(rule.id for rule in everything(plan, worker)))
    thread.start()
    return taken, thread


def test_what_others_wait_for_comes_first_and_nothing_before_its_time():
    done = set()
    order = []
    for rule in everything(Plan([find_rule("R05")], Kind.SOURCE), "a hand"):
        assert {other for other in rule.requires if find_rule(other).levels(Kind.SOURCE)} <= done
        done.add(rule.id)
        order.append(rule.id)
    assert (order[0], order[-1]) == ("C01", "R05")


def test_every_rule_is_taken_once_and_what_is_watched_from_here_by_nobody_else():
    plan = Plan(RULES, Kind.SOURCE)
    here, thread = beside(plan, None)
    taken = [rule.id for rule in everything(plan, "a hand")]
    thread.join()
    assert here == ["M14"]
    assert sorted([*here, *taken]) == sorted(rule.id for rule in RULES)


def test_what_one_recording_answers_is_asked_in_one_process():
    plan = Plan(RULES, Kind.SOURCE)
    first = plan.take("one")
    assert (first.id, plan.done(first)) == ("C01", None)
    workers = [beside(plan, name) for name in ("one", "another", None)]
    for _, thread in workers:
        thread.join()
    asked = [RECORDED & set(taken) for taken, _ in workers]
    assert sorted(map(len, asked)) == [0, 0, len(RECORDED)]


def test_what_was_given_up_is_taken_by_nobody():
    plan = Plan(RULES, Kind.SOURCE)
    plan.take("a hand")
    plan.abandon()
    assert list(everything(plan, "another")) == []
