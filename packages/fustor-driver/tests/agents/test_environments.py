"""Environments of agents are built once, and taken away when nobody has used them for long."""

import os
import time

import pytest
from users import lose_home

from fustor_driver.agents.environments import _in_use, _tidy, environment_for
from fustor_driver.errors import EnvironmentProblem
from fustor_driver.releases import release


def build(place):
    place.mkdir()
    (place / "ready").touch()


def aged(place):
    long_ago = time.time() - 30 * 86_400
    os.utime(place / "ready", (long_ago, long_ago))


def test_it_is_built_once(tmp_path):
    place, built = tmp_path / "0.8.17-a", []
    for _ in range(2):
        with _in_use(place, lambda: built.append(build(place))):
            assert (place / "ready").exists()
    assert len(built) == 1


def test_one_that_broke_off_is_built_again(tmp_path):
    place = tmp_path / "0.8.17-a"
    place.mkdir()
    with _in_use(place, (place / "ready").touch):
        pass
    assert (place / "ready").exists()


def test_what_nobody_used_for_long_is_taken_away_and_what_is_in_use_is_not(tmp_path):
    old, used, new = (tmp_path / f"0.8.17-{name}" for name in ("old", "used", "new"))
    for place in (old, used, new):
        build(place)
    aged(old)
    with _in_use(used, lambda: None):
        aged(used)
        _tidy(tmp_path)
    assert [place.exists() for place in (old, used, new)] == [False, True, True]


def no_home(monkeypatch, tmp_path):
    lose_home(monkeypatch)
    monkeypatch.chdir(tmp_path)


def home_is_a_file(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))


@pytest.mark.parametrize("spoil", [no_home, home_is_a_file])
def test_where_none_can_be_kept_the_error_says_what_to_set(monkeypatch, tmp_path, spoil):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    spoil(monkeypatch, tmp_path)
    before = list(tmp_path.iterdir())
    with pytest.raises(EnvironmentProblem, match="set XDG_CACHE_HOME"), environment_for(release("0.8.17"), []):
        pytest.fail("there is an environment")
    assert list(tmp_path.iterdir()) == before


def test_where_no_lock_can_be_made_the_error_says_what_to_set(tmp_path):
    place = tmp_path / "0.8.17-a"
    place.with_name("0.8.17-a.lock").mkdir()
    with pytest.raises(EnvironmentProblem, match="set XDG_CACHE_HOME"), _in_use(place, lambda: build(place)):
        pytest.fail("there is an environment")
    assert not place.exists()
