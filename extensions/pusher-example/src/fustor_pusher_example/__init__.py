"""Fustor pusher driver `example`."""

from .config import ExampleParams
from .driver import ExampleDriver

__all__ = ["ExampleDriver", "ExampleParams"]
