"""What a distribution says of itself is true."""

import pytest
from repository import ROOT

from release.errors import ReleaseError
from release.metadata import described, faults, require_true

LICENCE = (ROOT / "LICENSE").read_bytes()
UNTRUE = {
    "another name": {"Name": "fustor-other"},
    "another licence": {"License_Expression": "MIT"},
    "no summary": {"Summary": None},
    "no author": {"Author": None},
    "a README of another kind": {"Description_Content_Type": "text/x-rst"},
    "no README": {"description": ""},
    "no Python": {"Requires_Python": None},
    "a later Python": {"Requires_Python": ">=3.12"},
    "an address that nobody has": {"Project_URL": "Homepage, https://fustor.example"},
    "an old address": {"Home_page": "https://fustor.example"},
    "an address to download from": {"Download_URL": "https://fustor.example/files"},
    "a state that nobody has seen": {"Classifier": "Development Status :: 5 - Production/Stable"},
    "no state": {"Classifier": "Typing :: Typed"},
    "a requirement of one machine": {"Requires_Dist": "fustor-core @ file:///home/me/core"},
}


def faults_of(file):
    return list(faults(described(file), LICENCE))


def test_a_true_wheel_and_a_true_sdist_have_no_fault(wheel, sdist):
    assert faults_of(wheel()) == []
    assert faults_of(sdist()) == []


@pytest.mark.parametrize("changes", UNTRUE.values(), ids=UNTRUE.keys())
def test_what_is_untrue_is_one_fault(wheel, changes):
    path = wheel(**{key: value for key, value in changes.items() if key != "Name"})
    if "Name" in changes:
        path = path.rename(path.with_name("fustor_renamed-1.0.0-py3-none-any.whl"))
    assert len(faults_of(path)) == 1


def test_a_licence_without_its_text_is_a_fault(wheel, sdist):
    assert len(faults_of(wheel(licence=b"Ask me"))) == 1
    assert len(faults_of(sdist(licence=b"Ask me"))) == 1


def test_every_fault_is_named_at_once_with_its_file(wheel):
    files = (wheel(Summary=None), wheel("fustor-other", License_Expression="MIT"))
    with pytest.raises(ReleaseError) as caught:
        require_true(files, ROOT)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [file.name for file in files]
