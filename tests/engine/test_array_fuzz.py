"""Arrays in every layout that TOML allows: one insertion, one line more, the rest as it was."""

import tomllib

from root_shapes import random_array

from fustor_new.workspace.registration import register
from fustor_new.workspace.root import Workspace

NEW = "extensions/source-redis"


def test_any_layout_of_an_array_takes_one_insertion(tmp_path, rng):
    for _ in range(1_500):
        newline = rng.choice(["\n", "\r\n"])
        text, values = random_array(rng, newline)
        old = f"[tool.uv.workspace]{newline}members = {text} # end{newline}[a]{newline}"
        new = register(Workspace.parse(tmp_path, old.encode()), NEW, "fustor-source-redis").decode()
        check(old, new, text, values, newline)


def check(old, new, text, values, newline):
    members = tomllib.loads(new)["tool"]["uv"]["workspace"]["members"]
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    tail = len(old) - start
    assert new.endswith(old[start:]), (old, new)
    assert NEW in new[start - len(NEW) : len(new) - tail + len(NEW)]
    assert [member for member in members if member != NEW] == values
    if values == sorted(values) and not shares_its_bracket(text):
        assert members == sorted(members), (old, new)
    assert new.count("\n") - old.count("\n") == ("\n" in text), (old, new)
    assert newline == "\n" or "\n" not in new.replace("\r\n", ""), (old, new)


def shares_its_bracket(text):
    """Tell whether the last entry stands in the line of the closing bracket, with a line break before."""
    return "\n" in text and text.rpartition("\n")[2].strip(" \t,]") != ""
