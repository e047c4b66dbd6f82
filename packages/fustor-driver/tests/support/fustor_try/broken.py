"""A driver whose module does not load."""

raise RuntimeError("this module does not load")
