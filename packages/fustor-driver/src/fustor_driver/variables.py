"""How a configuration names an environment variable."""

from __future__ import annotations

import re

__all__ = ["VARIABLE"]

VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\})")
"""`${NAME}`, whose first group is the name, or `$$`, which is a dollar sign and has no group."""
