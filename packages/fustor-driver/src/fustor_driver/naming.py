"""Whose run a log line is of, where several go on in one process."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

__all__ = ["TASK", "named", "of_task"]

_T = TypeVar("_T")
TASK: ContextVar[str] = ContextVar("TASK", default="")
"""The task that the present thread or coroutine works for; empty where there is only one."""


@contextmanager
def of_task(task_id: str) -> Iterator[None]:
    """Every log line within names the task; empty for none."""
    before = TASK.set(task_id)
    try:
        yield
    finally:
        TASK.reset(before)


def named(task_id: str, work: Callable[[], Coroutine[Any, Any, _T]]) -> Callable[[], Coroutine[Any, Any, _T]]:
    """`work`, of which every log line names the task, in the threads that it starts too."""

    async def named_work() -> _T:
        TASK.set(task_id)
        return await work()

    return named_work
