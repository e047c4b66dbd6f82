"""Waiting for what other processes do: nobody signals it, so it is looked at again and again until a deadline."""

import threading
import time

EVERY_SEC = 0.2


def eventually(condition, seconds, every_sec=EVERY_SEC):
    """Whether the condition comes true in time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(every_sec)
    return True
