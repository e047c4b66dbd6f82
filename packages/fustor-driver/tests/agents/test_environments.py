"""Environments of agents are built once, and taken away when nobody has used them for long."""

import os
import time

from fustor_driver.agents.environments import _in_use, _tidy


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
