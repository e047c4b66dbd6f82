"""The two kinds of drivers."""

from enum import StrEnum

__all__ = ["Kind"]


class Kind(StrEnum):
    """What a driver is."""

    SOURCE = "source"
    PUSHER = "pusher"
