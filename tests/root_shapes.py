"""Root files in every shape that TOML allows, and what registering a driver adds to each."""

import re
from pathlib import Path

BOM = b"\xef\xbb\xbf"
VARIANTS = {
    "as is": lambda text: text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "BOM": lambda text: BOM + text.encode(),
    "no final newline": lambda text: text.removesuffix("\n").encode(),
}


def _read_shapes():
    """Return the shapes by name: a text in which the additions stand in brackets."""
    text = (Path(__file__).parent / "workspace/root_shapes.txt").read_text(encoding="utf-8")
    parts = re.split(r"^=== (.*)\n", text, flags=re.MULTILINE)
    return {name: re.sub(r"⟧\n\Z", "⟧", shape) for name, shape in zip(parts[1::2], parts[2::2], strict=True)}


SHAPES = _read_shapes()


def before_and_after(shape, variant):
    """Return a shape's bytes without and with what registering extensions/source-redis adds."""
    last = re.fullmatch(r"(.*?)\n?⟦([^⟧]*)\n⟧", shape, re.DOTALL)
    if variant == "no final newline" and last:
        newline = "\n" if last[1] else ""
        shape = f"{last[1]}⟦{newline}{last[2]}⟧"
    convert = VARIANTS[variant]
    return convert(re.sub(r"⟦[^⟧]*⟧", "", shape)), convert(re.sub("[⟦⟧]", "", shape))


_VALUES = ["a", "b/c", "extensions/a", "extensions/z", "x", "packages/core", "we,ird] #"]


def _gap(rng, newline):
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


def random_array(rng, newline):
    """Return an array in a layout that TOML allows, and what it holds."""
    values = rng.sample(_VALUES, k=rng.randrange(5))
    if rng.random() < 0.4:
        values.sort()
    flat = rng.random() < 0.3
    between = (lambda: rng.choice(["", " "])) if flat else (lambda: _gap(rng, newline))
    text = "[" + between()
    for number, value in enumerate(values):
        quote = rng.choice("\"'")
        comma = "," if number < len(values) - 1 or rng.random() < 0.5 else ""
        text += f"{quote}{value}{quote}{between()}{comma}{between()}"
    return text + "]", values


_NAMES = ["a", "z", "fustor-core", "fustor-source-m", "Fustor_X", "fustor-z.y"]
_TABLES = ["lines", "lines", "columns", "blocks", "inline", "dotted", "dotted further"]
_LISTS = [("", ", ", ""), ("\n    ", ",\n    ", ",\n"), ("\n    ", ",\n    ", "\n"), (" ", ", ", ",")]


def random_root(rng):
    """Return a root file: sources in some style, extras, groups, members in any layout, comments anywhere."""
    members = f"members = {random_array(rng, chr(10))[0]}\n"
    workspace = rng.choice([members, members, 'members = ["extensions/*"]\n', 'exclude = ["x"]\n', ""])
    parts = [_sources(rng), f"[tool.uv.workspace]\n{workspace}"]
    if rng.random() < 0.5:
        lists = f"dev = {_list(rng)}{_comment(rng)}\ntest = {_list(rng)}\n"
        parts.append(f'[project]\nname = "r"\nversion = "1"\n[project.optional-dependencies]\n{lists}')
    if rng.random() < 0.5:
        parts.append(f"[dependency-groups]\ndev = {_list(rng)}\n")
    parts += rng.choice([[], ["[tool.ruff]\nselect = ['ALL']\n"]])
    rng.shuffle(parts)
    text = rng.choice(["", "\n"]).join(parts)
    text = rng.choice([text, text, text.rstrip("\n")])
    return rng.choice([text, text, text.replace("\n", "\r\n")]).encode()


def _sources(rng):
    names = rng.sample(_NAMES, rng.randrange(1, 5))
    names = rng.choice([names, sorted(names)])
    mark = rng.choice(["", "", '"', "'"])
    keys = [f'"{name}"' if "." in name else f"{mark}{name}{mark}" for name in names]
    style = rng.choice(_TABLES)
    if style == "blocks":
        blocks = [f"{_above(rng)}[tool.uv.sources.{key}]\nworkspace = true{_comment(rng)}\n" for key in keys]
        return rng.choice(["", "\n"]).join(blocks)
    if style == "inline":
        entries = rng.choice([", ", ","]).join(f"{key} = {_source(rng)}" for key in keys)
        return f"[tool.uv]\nsources = {{{rng.choice([' ', ''])}{entries}{rng.choice([' ', ''])}}}{_comment(rng)}\n"
    if style == "dotted further":
        return "[tool.uv]\n" + "".join(f"sources.{key} = {_source(rng)}{_comment(rng)}\n" for key in keys)
    spelled = {"columns": "{:20} = {{ workspace = true }}", "dotted": "{}.workspace = true"}.get(style)
    lines = (spelled.format(key) if spelled else f"{key} = {_source(rng)}" for key in keys)
    return "[tool.uv.sources]\n" + "".join(f"{_above(rng)}{line}{_comment(rng)}\n" for line in lines)


def _source(rng):
    return rng.choice(["{ workspace = true }"] * 4 + ["{workspace=true}", '{ path = "../x" }'])


def _list(rng):
    first, between, last = rng.choice(_LISTS)
    return f"[{first}{between.join(repr(name) for name in rng.sample(_NAMES, rng.randrange(1, 4)))}{last}]"


def _comment(rng):
    return rng.choice(["", "", "", " # c, {[ 'x"])


def _above(rng):
    return rng.choice(["", "", "", "# above\n", "\n", "\n# x\n"])
