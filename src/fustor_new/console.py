"""What a person sees: the only module that knows rich."""

import errno
import os
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from fustor_new._output import from_here, printable
from fustor_new.changes.plan import NewTree, Plan

__all__ = ["show_next_steps", "show_plan", "show_table"]


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let the caller say what came of the run; rich ends the process without a word."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def show_plan(plan: Plan, *, verbose: bool) -> None:
    """Print what was made as a tree: every project, its files in summary (all of them if `verbose`), every edit."""
    console = _Console(highlight=False, soft_wrap=True)
    for note in plan.notes:
        console.print(Text(printable(note)))
    for tree in plan.trees:
        console.print(_draw(tree, verbose=verbose))
    for edit in plan.edits:
        console.print(Text(f"{printable(edit.path.name)}: the driver is registered"))
    if not plan.trees and not plan.edits:
        console.print(Text("Nothing to do: everything is there already"))


def show_next_steps(steps: Iterable[str]) -> None:
    """Print the commands to run next, one a line, ready to copy."""
    console = _Console(highlight=False, soft_wrap=True)
    console.print(Text("Next:"))
    for step in steps:
        console.print(Text(f"    {printable(step)}"))


def show_table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table; long cells are folded to the terminal's width."""
    console = _Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def _draw(tree: NewTree, *, verbose: bool) -> Tree:
    drawing = Tree(Text(printable(from_here(tree.target)), style="bold"))
    branches: dict[str, Tree] = {"": drawing}
    for path in sorted(tree.files):
        folder, _, name = path.rpartition("/")
        if verbose or not name.startswith("."):
            _branch(branches, folder).add(Text(name))
    return drawing


def _branch(branches: dict[str, Tree], folder: str) -> Tree:
    if folder not in branches:
        parent, _, name = folder.rpartition("/")
        branches[folder] = _branch(branches, parent).add(Text(f"{name}/", style="blue"))
    return branches[folder]
