"""What is known of the released agents is exact and complete."""

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fustor_driver.releases import release, released_versions


def names(requirements):
    return [canonicalize_name(Requirement(text).name) for text in requirements]


@pytest.mark.parametrize("version", released_versions())
def test_every_part_of_a_release_has_its_exact_version(version):
    parts = release(version).requirements(view=True)
    own = [part for part in parts if part.startswith("fustor-")]
    assert own
    assert all(part.endswith(f"=={version}") for part in own)


@pytest.mark.parametrize("version", released_versions())
def test_nothing_is_named_twice(version):
    found = release(version)
    listed = names([*found.agent, *found.view])
    assert len(set(listed)) == len(listed)
    assert len(set(names(found.seen_with))) == len(found.seen_with)


def test_what_takes_the_place_of_a_part_is_not_asked_for_as_well():
    pinned = names(release("0.2.16").requirements("fustor_source_fs", "fustor-event-model"))
    assert "fustor-agent" in pinned
    assert not {"fustor-source-fs", "fustor-event-model"} & set(pinned)


def test_the_view_is_there_where_it_is_asked_for():
    assert "fustor-fusion" in names(release("0.8.17").requirements(view=True))
    assert "fustor-fusion" not in names(release("0.8.17").requirements())


def test_a_release_that_is_not_known_is_an_error():
    with pytest.raises(KeyError):
        release("0.5")
