"""Whose run a log line is of, where several go on in one process."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

__all__ = ["TASK", "named"]

_T = TypeVar("_T")
TASK: ContextVar[str] = ContextVar("TASK", default="")
"""The task that the present thread or coroutine works for; empty where there is only one."""


def named(task_id: str, work: Callable[[], Coroutine[Any, Any, _T]]) -> Callable[[], Coroutine[Any, Any, _T]]:
    """`work`, of which every log line names the task, in the threads that it starts too."""

    async def named_work() -> _T:
        TASK.set(task_id)
        return await work()

    return named_work
