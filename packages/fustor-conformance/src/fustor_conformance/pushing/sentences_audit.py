"""Sections 4 and 8, sentence by sentence: audits."""

from __future__ import annotations

from fustor_conformance.pushing.steps import Push
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    END,
    KNOWN,
    Histories,
    audit,
    box,
    complete,
    found,
    gone,
    in_parts,
    new,
    now,
    realtime,
    sentences,
    snapshot,
    thing,
)

__all__ = ["AUDITS"]

_START, _STOP = audit(AUDIT_START), audit(AUDIT_END)

_AUDITS: Histories = {
    "8.3 An audit row replaces what is stored, be it older or not, and adds what is missing": (
        *KNOWN,
        *in_parts(thing("f", 6, 5), thing("d/x", 7, 40), thing("g", 8)),
    ),
    "8.3 An audit row is ignored where realtime reported its path since Audit-Start": (
        *KNOWN,
        _START,
        realtime(now(thing("f", 50, 1)), new(thing("g", 60, 1)), gone("d/x", at=1)),
        audit(found(thing("f", 6, 40), thing("g", 7, 40), thing("d/x", 8, 40))),
        _STOP,
    ),
    "8.3 An audit row is ignored below what realtime deleted since Audit-Start": (
        *KNOWN,
        _START,
        realtime(gone("d", at=1)),
        audit(found(thing("d/x", 6, 40), box("d/e", 40), thing("d/e/y", 7, 40), thing("f", 8, 40))),
        _STOP,
    ),
    "8.3 Only marks since Audit-Start hold: what realtime reported before is replaced by an audit row": (
        *KNOWN,
        realtime(now(thing("f", 50, 30)), gone("d/x")),
        *in_parts(thing("f", 6, 5), thing("d/x", 7, 5)),
    ),
    "8.3 A mark of the audit before says nothing in the next one": (
        *KNOWN,
        _START,
        realtime(now(thing("f", 50, 30))),
        _STOP,
        *in_parts(thing("f", 6, 5)),
    ),
    "8.4 Audit-End removes those children of listed containers that were not reported, with what is below them": (
        *KNOWN,
        *in_parts(thing("f", 6, 30), box("", 30)),
    ),
    "8.4 Nothing goes before Audit-End": (
        *KNOWN,
        _START,
        audit(found(thing("f", 6, 30), box("", 30))),
    ),
    "8.4 Audit-End removes direct children only: below a container that was not listed everything stays": (
        *KNOWN,
        *in_parts(thing("f", 6, 30), thing("d/x", 7, 30), box("d/e", 30, skipped=True), box("d", 30), box("", 30)),
    ),
    "4 A container with audit_skipped was not listed: nothing in it goes": (
        *KNOWN,
        *in_parts(thing("f", 6, 30), box("d", 30, skipped=True), box("", 30)),
    ),
    "4 One container that was not listed does not keep others from losing what is gone": (
        *KNOWN,
        *in_parts(thing("d/e/y", 6, 30), box("d/e", 30, skipped=True), box("d", 30), box("", 30)),
    ),
    "8.4 What the audit did not report stays where its container has no row": (
        *KNOWN,
        *in_parts(thing("g", 6, 30)),
    ),
    "8.3 An ignored row counts as reported, and its container as listed": (
        *KNOWN,
        _START,
        realtime(now(thing("f", 50, 1)), now(box("d", 1))),
        audit(found(thing("f", 6, 40), box("d", 40), thing("d/x", 7, 40), box("", 40))),
        _STOP,
        *in_parts(thing("f", 8, 40), box("d", 40, skipped=True), box("", 40)),
    ),
    "8.4 What realtime reported since Audit-Start stays, though the audit did not report it": (
        *KNOWN,
        _START,
        realtime(new(thing("g", 6)), now(thing("f", 7))),
        audit(found(box("d", 30, skipped=True), box("", 30))),
        _STOP,
    ),
    "8.4 A container stays where realtime reported something in it since Audit-Start": (
        *KNOWN,
        _START,
        realtime(now(thing("d/e/y", 6)), now(thing("d/x", 8))),
        audit(found(thing("f", 7, 30), box("", 30))),
        _STOP,
    ),
    "8.4 A container that realtime reported since Audit-Start stays, with what is in it": (
        *KNOWN,
        _START,
        realtime(now(box("d", 31))),
        audit(found(thing("f", 7, 30), box("", 30))),
        _STOP,
    ),
    "8.4 What realtime reported before Audit-Start goes at the end, where the audit did not report it": (
        *KNOWN,
        realtime(now(thing("f", 6)), new(thing("g", 7))),
        *in_parts(box("d", 30, skipped=True), box("", 30)),
    ),
    "8.4 Outside an audit its rows and its end change nothing": (
        *KNOWN,
        audit(found(thing("f", 6, 40), thing("g", 7, 40), box("", 40))),
        _STOP,
        _START,
        _STOP,
        audit(found(thing("f", 8, 40), box("", 40)), AUDIT_END),
    ),
    "4 A new Audit-Start discards an audit that broke off: only what the new one reports counts": (
        *KNOWN,
        _START,
        audit(found(box("d", 30), box("", 30))),
        *in_parts(thing("f", 6, 30)),
    ),
    "4 A new Audit-Start discards an audit that broke off: what that one reported can go": (
        *KNOWN,
        _START,
        audit(found(thing("f", 6, 30), thing("d/x", 7, 30))),
        *in_parts(box("d", 30), box("", 30)),
    ),
    "8.4 A new session discards an audit that broke off": (
        *complete(box("d"), thing("d/x", 3), thing("f", 4), index=5),
        _START,
        audit(found(box("d", 30), box("", 30))),
        *complete(box("d", 31), thing("d/x", 5, 31), thing("f", 6, 31)),
        _STOP,
        audit(found(thing("f", 7, 32))),
    ),
    "4 A second Audit-End ends nothing": (
        *KNOWN,
        *in_parts(thing("f", 6, 30), box("d", 30, skipped=True), box("", 30)),
        realtime(new(thing("g", 7))),
        audit(AUDIT_END, again=True),
    ),
    "4 An audit in one push: start, rows and end": (
        *KNOWN,
        audit(
            AUDIT_START,
            found(thing("f", 6, 5), box("d", 30, skipped=True), thing("g", 7)),
            found(box("", 30)),
            AUDIT_END,
        ),
        audit(AUDIT_START, found(thing("f", 8, 5), box("d", 30, skipped=True), box("", 30)), AUDIT_END),
    ),
    "8.3 In one push the order of events decides what realtime reported since Audit-Start": (
        *KNOWN,
        Push((now(thing("f", 50, 40)), AUDIT_START, found(thing("f", 6, 5)), now(thing("d/x", 60, 1))), "audit"),
        Push((found(thing("d/x", 7, 40)), AUDIT_END), "audit"),
    ),
    "8.4 What Audit-End removed leaves no mark: the next audit stores it again": (
        *KNOWN,
        *in_parts(box("d", 30, skipped=True), box("", 30)),
        *in_parts(thing("f", 6, 5)),
    ),
    "8.3 Every audit counts, also the third one": (
        *KNOWN,
        audit(AUDIT_START, found(thing("f", 6, 5), thing("g", 7), box("d", 30, skipped=True), box("", 30)), AUDIT_END),
        audit(AUDIT_START, found(thing("f", 8, 5), box("d", 30, skipped=True), box("", 30)), AUDIT_END),
        audit(AUDIT_START, found(thing("h", 9, 5), box("d", 30, skipped=True), box("", 30)), AUDIT_END),
    ),
    "8.3 An audit names its container `/` of names that only begin like another's": (
        BEGIN,
        snapshot(
            box("d"), thing("d/x"), box("d-e"), thing("d-e/x"), box("d_"), thing("d_/x"), thing("d.x"), thing("D/x")
        ),
        END,
        *in_parts(box("d", 30), box("d_", 30)),
    ),
}
AUDITS = sentences(_AUDITS)
