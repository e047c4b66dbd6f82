"""A specification as the answers of the template."""

from __future__ import annotations

import json
from typing import Any

from fustor_new.template.spec import DriverSpec

__all__ = ["answers"]

_FREE_NAMES = ("distribution", "package", "entry_point", "class_name")


def answers(spec: DriverSpec) -> dict[str, Any]:
    """The answers that render `spec`, by question; only those that the template asks for its kind and layout."""
    given: dict[str, Any] = spec.model_dump(exclude={"contract", "dependencies", "member_requirements"})
    given["contract_source"] = spec.contract.answer()
    given["dependencies"] = json.dumps(spec.dependencies)
    given["member_requirements"] = json.dumps(spec.member_requirements)
    unasked = {
        *(_FREE_NAMES if spec.layout == "workspace" else ("member_requirements",)),
        *(("audit", "durable") if spec.kind == "pusher" else ()),
    }
    return {question: answer for question, answer in given.items() if question not in unasked}
