"""Arrays in every layout that TOML allows: one insertion, one line more, the rest as it was."""

import tomllib

from fustor_new.registration import register
from fustor_new.workspace import Workspace

NEW = "extensions/source-redis"
VALUES = ["a", "b/c", "extensions/a", "extensions/z", "x", "packages/core", "we,ird] #"]


def gap(rng, newline):
    """Return what may stand between two tokens of an array."""
    pieces = [
        "",
        "",
        " ",
        "  ",
        "\t",
        newline,
        f"{newline}    ",
        f" # it's, [a] \"comment{newline}",
        f"{newline}  # c{newline}  ",
    ]
    return "".join(rng.choices(pieces, k=rng.choice([1, 1, 2])))


def array(rng, newline):
    values = rng.sample(VALUES, k=rng.randrange(5))
    if rng.random() < 0.4:
        values.sort()
    flat = rng.random() < 0.3
    between = (lambda: rng.choice(["", " "])) if flat else (lambda: gap(rng, newline))
    text = "[" + between()
    for number, value in enumerate(values):
        quote = rng.choice("\"'")
        comma = "," if number < len(values) - 1 or rng.random() < 0.5 else ""
        text += f"{quote}{value}{quote}{between()}{comma}{between()}"
    return text + "]", values


def test_any_layout_of_an_array_takes_one_insertion(tmp_path, rng):
    for _ in range(1_500):
        newline = rng.choice(["\n", "\r\n"])
        text, values = array(rng, newline)
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
