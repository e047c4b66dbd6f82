"""The pages of docs/reference/: `uv run python docs/generate/reference.py` writes them from the code."""  # noqa: INP001 - a script, no package

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from fustor_core.models.config import ApiKeyCredential, PasswdCredential
from fustor_driver.cli import build_app
from fustor_driver.commands.about import field_rows
from fustor_driver.configuration import Sync
from fustor_driver.errors import EXIT_CODES
from fustor_driver.kinds import Kind
from fustor_driver.metrics import described
from fustor_driver.params import config_schema
from fustor_driver.registry import DriverRecord, Registry
from fustor_new.cli import app as fustor_new

PAGES = Path(__file__).resolve().parents[1] / "reference"
DRIVERS = ["pusher-example", "pusher-fs", "pusher-postgres", "source-example", "source-fs", "source-postgres"]
"""The drivers of this project. One that somebody has begun beside them is not a part of its reference."""
_OWN = "driver_params."
_REQUIRED = "required"
_YAML = {"True": "true", "False": "false", "None": "null"}
COMMANDS = {"fustor-new": lambda: fustor_new, "fustor-driver": build_app}


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    found = {f"{name}.md": _command_page(name, typer.main.get_command(make())) for name, make in COMMANDS.items()}
    return found | {
        "configuration.md": _configuration_page(),
        "exit-codes.md": _exit_codes_page(),
        "statistics.md": _statistics_page(),
    }


def _command_page(name: str, group: Any) -> str:
    parts = [f"# {name}\n", "Generated from the command itself; `--help` behind each command prints the same.\n"]
    parts += _texts(group)
    for words, command in _commands(group, name):
        parts += [f"## {words}\n", *_texts(command), *_table(command)]
    return "\n".join(parts)


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for word, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} {word}")
        elif not command.hidden:
            yield f"{name} {word}", command


def _texts(command: Any) -> list[str]:
    return [f"{_safe(' '.join(text.split()))}\n" for text in (command.help or "").split("\n\n")]


def _table(command: Any) -> list[str]:
    rows = [_row(one) for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
    return ["| argument or option | default | meaning |", "|---|---|---|", *rows, ""] if rows else []


def _row(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts]
    if parameter.param_type_name == "argument":
        names = [parameter.human_readable_name.upper()]
    elif not parameter.is_flag and not parameter.count:
        names[-1] += f" {parameter.make_metavar(_context()).strip('<>')}"
    given = parameter.default
    default = "" if given in (None, False, (), [], 0) or callable(given) else _code(str(getattr(given, "value", given)))
    names_shown = ", ".join(map(_code, names))
    return f"| {names_shown} | {'required' if parameter.required else default} | {_safe(parameter.help or '')} |"


@cache
def _context() -> Any:
    command = typer.main.get_command(fustor_new)
    return command.context_class(command)


def _drivers() -> list[DriverRecord]:
    return [Registry.installed().find(Kind(kind), driver) for kind, _, driver in (n.partition("-") for n in DRIVERS)]


def _configuration_page() -> str:
    records = _drivers()
    rows = {record: list(field_rows(config_schema(record.kind, record.load()))) for record in records}
    parts = [
        "# Configuration\n",
        "Every key of an entry in `fustor.yaml`, from the models that parse it. `fustor-driver about KIND NAME` prints",
        "the same, and `fustor-driver init` writes a file that has every key. The file has three sections, `sources`,",
        "`pushers` and `syncs`, each with entries by identifiers of your own. `${NAME}` in a value is a variable of",
        "the environment, and `$$` is a dollar.\n",
    ]
    for kind in Kind:
        shared = next(rows[record] for record in records if record.kind is kind)
        parts += [f"## Every {kind.value}\n", *_fields(row for row in shared if not row[0].startswith(_OWN))]
    parts += ["## Every sync\n", *_fields(field_rows(Sync.model_json_schema()))]
    parts += ["## `credential`: a user with a password\n", *_fields(field_rows(PasswdCredential.model_json_schema()))]
    parts += ["## `credential`: a key\n", *_fields(field_rows(ApiKeyCredential.model_json_schema()))]
    for record in records:
        own = (row for row in rows[record] if row[0].startswith(_OWN))
        parts += [f"## {record.kind.value} {record.name}: `driver_params`\n", *_fields(own)]
    return "\n".join(parts)


def _fields(rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [
        f"| {_code(name.removeprefix(_OWN))} | {_safe(kind)} |"
        f" {default if default == _REQUIRED else _code(_YAML.get(default, default))} | {_safe(meaning)} |"
        for name, kind, default, meaning in rows
    ]
    return ["| key | type | default | meaning |", "|---|---|---|---|", *lines, ""]


_STATISTICS = """\
# Statistics

What a run counts, and what each reference driver counts of itself, from the code. `fustor-driver run --metrics`
serves all of it at `/metrics` for Prometheus, and the status in `--status FILE` and on a terminal has what the drivers
count.

A counter only grows, from 0 when the run, or the driver in it, is started; a gauge is as things are now.

## The run

Each has the label `task`; what is counted by phase has `phase` too, and `fustor_state` has `of` and `state`.
"""


def _statistics_page() -> str:
    parts = [_STATISTICS, "| metric | kind | meaning |", "|---|---|---|"]
    for metric in described():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        parts.append(f"| {_code(name)} | {metric.type} | {_safe(metric.documentation)} |")
    for record in _drivers():
        if found := statistics_of(record.load()):
            parts += [f"\n## {record.kind.value} {record.name}\n"]
            parts += [f"On `/metrics`: `fustor_{record.kind.value}_` and the name.\n"]
            parts += ["| name | kind | unit | meaning |", "|---|---|---|---|"]
            parts += [f"| {_code(name)} | {kind} | {unit} | {_safe(meaning)} |" for name, kind, unit, meaning in found]
    return "\n".join([*parts, ""])


def statistics_of(driver: type) -> list[tuple[str, str, str, str]]:
    """Name, kind, unit and meaning of each statistic, as the docstring of the driver's own method lists them."""
    text = inspect.cleandoc(vars(driver)["statistics"].__doc__) if "statistics" in vars(driver) else ""
    return re.findall(r"^(\w+) \((counter|gauge), (\w+)\): (.+)$", text, re.MULTILINE)


def _exit_codes_page() -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    head = "# Exit codes\n\n`fustor-new` and `fustor-driver` use one table. Generated from the code.\n"
    return "\n".join([head, "| code | meaning |", "|---|---|", *rows, ""])


def _code(text: str) -> str:
    """A text as code in a cell of a table."""
    if "|" in text:  # the site would show the backslash that a forge wants before it
        return "<code>" + html.escape(text, quote=False).replace("|", "&#124;") + "</code>"
    return f"`{text}`"


def _safe(text: str) -> str:
    """A text in a cell of a table: nothing in it is markup, but for code."""
    parts = re.split(r"(`[^`|]+`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else re.sub(r"([|<>*_\[\]])", r"\\\1", part) for part in parts)


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for file, page in pages().items():
        (PAGES / file).write_text(page, encoding="utf-8")
