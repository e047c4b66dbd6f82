"""Arrays in every layout that TOML allows: insertions alone, one line more, the rest as it was."""

import tomllib
from collections import Counter

from root_shapes import random_array

from fustor_new.workspace.registration import register
from fustor_new.workspace.root import Workspace

NEW = "extensions/source-redis"


def test_any_layout_of_an_array_takes_insertions_alone(tmp_path, rng):
    for _ in range(1_500):
        newline = rng.choice(["\n", "\r\n"])
        text, values = random_array(rng, newline)
        old = f"[tool.uv.workspace]{newline}members = {text} # end{newline}[a]{newline}"
        new = register(Workspace.parse(tmp_path, old.encode()), NEW, "fustor-source-redis").decode()
        check(old, new, text, values, newline)


def check(old, new, text, values, newline):
    members = tomllib.loads(new)["tool"]["uv"]["workspace"]["members"]
    left = iter(new)
    assert all(character in left for character in old), (old, new)  # nothing is taken away: it is there, in order
    added = Counter(new) - Counter(old)
    assert len(new) - len(old) == added.total()
    assert not set(added) - set(f"{NEW}\"', \t{newline}"), (old, new)
    assert [member for member in members if member != NEW] == values
    if values == sorted(values) and len(values) > 1:
        assert members == sorted(members), (old, new)
    elif len(values) <= 1:
        assert members == [*values, NEW]
    assert new.count("\n") - old.count("\n") == ("\n" in text), (old, new)
    assert newline == "\n" or "\n" not in new.replace("\r\n", ""), (old, new)
