"""Imports that would fail are found by reading."""

import pytest

from fustor_driver.doctor.imports import Modules


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("import os\nfrom fustor_b.c import A, B, C, D", []),
        ("from fustor_b import c", []),
        ("from fustor_b.c import Away", ["'Away' of 'fustor_b.c'"]),
        ("from fustor_b.away import A", ["the module 'fustor_b.away'"]),
        ("import fustor_away", ["the module 'fustor_away'"]),
        ("import somebody_elses", []),
        ("try:\n    from fustor_b.c import Away\nexcept ImportError:\n    Away = None", []),
        ("def later():\n    from fustor_b.c import Away", []),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fustor_b.c import Away", []),
        (
            (
                "from typing import TYPE_CHECKING\nif TYPE_CHECKING: ...\n"
                "else:\n    try:\n        from fustor_b.c import Away\n    except ImportError:\n        Away = None"
            ),
            [],
        ),
        ("if True:\n    from fustor_b.c import Away", ["'Away' of 'fustor_b.c'"]),
        ("from fustor_b.starred import A, Anything", ["'Anything' of 'fustor_b.starred'"]),
        ("from fustor_b.open import Anything", []),
        ("from fustor_b.broken import Anything", ["'Away' of 'fustor_b.c'"]),
        ("from . import inner", ["'Away' of 'fustor_b.c'"]),
        ("from .inner import X", ["'Away' of 'fustor_b.c'"]),
    ],
)
def test_a_name_that_is_not_there_is_found(text, missing, site):
    site.write(
        {
            "fustor_a.m": text,
            "fustor_a.inner": "from fustor_b.c import Away\nX = 1",
            "fustor_b.c": "class A: ...\ndef B(): ...\nC = D = 1",
            "fustor_b.starred": "from fustor_b.c import *\nfrom fustor_b.starred import *",
            "fustor_b.open": "def __getattr__(name): return name",
            "fustor_b.broken": "from fustor_b.c import Away as Anything",
        }
    )
    found = Modules((str(site.folder),)).missing_of("fustor_a.m")
    assert [str(one).split(" imports ")[1] for one in found] == [f"{one}, which is not there" for one in missing]


def test_every_module_of_a_package_is_looked_at_once(site):
    site.write({"fustor_a.one": "import fustor_away", "fustor_a.two": "from .one import x\nimport fustor_gone"})
    found = Modules((str(site.folder),)).missing_in_package("fustor_a")
    assert [(one.importer, one.module) for one in found] == [
        ("fustor_a.one", "fustor_away"),
        ("fustor_a.two", "fustor_a.one"),
        ("fustor_a.two", "fustor_gone"),
    ]


def test_a_package_that_is_not_there_misses_nothing(site):
    assert Modules((str(site.folder),)).missing_in_package("fustor_a") == []
