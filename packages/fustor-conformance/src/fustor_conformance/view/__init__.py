"""The view: what a source's world looks like to a consumer of its events."""

from __future__ import annotations

from fustor_conformance.view._difference import Comparison, Difference, DifferenceKind
from fustor_conformance.view._view import View, replayed

__all__ = ["Comparison", "Difference", "DifferenceKind", "View", "replayed"]
