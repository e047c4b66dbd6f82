"""What a person sees: the only module that knows rich."""

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich import tree as drawings
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fustor_new._output import from_here, printable
from fustor_new.changes.content import Tree
from fustor_new.changes.plan import Plan

__all__ = ["show_plan", "show_steps", "show_table"]


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let the caller say what came of the run; rich ends the process silently."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def show_plan(plan: Plan, *, verbose: bool, is_done: bool = True) -> None:
    """Print a plan as a tree: every project, its files in summary (all of them if `verbose`), every edit.

    What is still to be decided is shown on standard error, beside the question.
    """
    console = _Console(highlight=False, soft_wrap=True, stderr=not is_done)
    verb = "is" if is_done else "will be"
    for note in plan.notes:
        console.print(Text(printable(note)))
    for change in plan.changes:
        if isinstance(change.after, Tree):
            console.print(_draw(change.path, change.after, verbose=verbose))
        else:
            console.print(Text(f"{printable(change.path.name)}: the driver {verb} registered"))
    if plan.is_empty:
        console.print(Text("Nothing to do: everything is there already"))


def show_steps(commands: Sequence[str], hints: Iterable[str]) -> None:
    """Print the commands to run next, one a line, ready to copy, and what to do with what they say."""
    console = _Console(highlight=False, soft_wrap=True)
    if commands:
        console.print(Text("Next:"))
    for command in commands:
        console.print(Text(f"    {printable(command)}"))
    for hint in hints:
        console.print(Text(printable(hint)))


def show_table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table; long cells are folded to the terminal's width."""
    console = _Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def _draw(target: Path, tree: Tree, *, verbose: bool) -> drawings.Tree:
    drawing = drawings.Tree(Text(printable(from_here(target)), style="bold"))
    branches: dict[str, drawings.Tree] = {"": drawing}
    for path in sorted(tree.files):
        folder, _, name = path.rpartition("/")
        if verbose or not name.startswith("."):
            _branch(branches, folder).add(Text(name))
    return drawing


def _branch(branches: dict[str, drawings.Tree], folder: str) -> drawings.Tree:
    if folder not in branches:
        parent, _, name = folder.rpartition("/")
        branches[folder] = _branch(branches, parent).add(Text(f"{name}/", style="blue"))
    return branches[folder]
