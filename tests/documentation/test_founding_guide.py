"""The founding guide is on its page word for word, and notes lead to the contract that settles what it leaves open."""

import hashlib
import re

from repository import ROOT

from fustor_core.drivers import PusherDriver, SourceDriver

PAGE = (ROOT / "docs/zh/explanation/driver-guide.md").read_text()
NOTE = re.compile(r"\n> \*\*(关于本页|契约):\*\* (.*)\n")
AS_IT_WAS_GIVEN = "99ef1a61bc442504f5701aff429dff50c3fd1fe8e7f8ef38182d6bf93ea360f2"
"""Of the whole text; the one link in it that leads nowhere is another one on the page."""


def fingerprint(page):
    text = NOTE.sub("", page).replace("(arbitration.md)", "(./CONSISTENCY_DESIGN.md)")
    return hashlib.sha256(text.encode()).hexdigest()


def test_without_its_notes_it_is_the_text_that_was_given():
    assert fingerprint(PAGE) == AS_IT_WAS_GIVEN
    assert fingerprint(PAGE.replace("必须继承", "应该继承", 1)) != AS_IT_WAS_GIVEN


def test_a_note_leads_to_the_contract():
    first, *notes = NOTE.findall(PAGE)
    assert first[0] == "关于本页"
    assert len(notes) > 5
    assert [text for kind, text in notes if kind != "契约" or "contract.md#" not in text] == []


def test_every_section_of_the_contract_settles_something():
    sections = re.findall(r"^## (\d)\.", (ROOT / "docs/contract.md").read_text(), re.MULTILINE)
    linked = re.findall(r"contract\.md#(\d)-", PAGE)
    assert set(linked) == set(sections)


def test_the_note_on_abstract_methods_names_them():
    note = next(text for _, text in NOTE.findall(PAGE) if text.startswith("抽象方法"))
    wanted = SourceDriver.__abstractmethods__ | PusherDriver.__abstractmethods__
    assert wanted <= set(re.findall(r"`(\w+)`", note))
