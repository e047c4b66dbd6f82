"""What a new driver shall be: every answer of the template, checked once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from fustor_new.errors import UsageProblem
from fustor_new.names import Names, derive
from fustor_new.template.contract_source import ContractSource
from fustor_new.template.questions import FREE_NAMES, QUESTIONS

__all__ = ["DriverSpec"]


@dataclass(frozen=True)
class DriverSpec:
    """One driver to be rendered. Free texts are data: they may hold anything that is printable, and line breaks."""

    names: Names
    layout: str
    contract: ContractSource
    given: Mapping[str, Any]
    """The answers to what is asked about such a driver, by question."""

    @classmethod
    def of(cls, names: Names, layout: str, contract: ContractSource, given: Mapping[str, Any]) -> Self:
        """The specification of a driver with these names; answers that are None or missing take the defaults.

        Args:
            names: its names, which only a project of its own may choose freely.
            layout: `standalone` or `workspace`.
            contract: where the contract packages come from.
            given: answers by question.

        Raises:
            NameRefused: a name is not allowed.
            UsageProblem: another answer cannot be used.
        """
        if layout == "workspace":
            _check_derived(names)
        asked = (question for question in QUESTIONS if question.is_asked(names.kind, layout))
        known = {**given, **{question.name: getattr(names, question.name) for question in FREE_NAMES}}
        answers = {question.name: question.answer(known.get(question.name), names) for question in asked}
        return cls(names, layout, contract, answers)

    def answers(self) -> dict[str, Any]:
        """The answers that render this driver, by question."""
        given = {name: json.dumps(value) if isinstance(value, tuple) else value for name, value in self.given.items()}
        kind, source = self.names.kind.value, self.contract.answer()
        return {"kind": kind, "name": self.names.name, "layout": self.layout, "contract_source": source, **given}


def _check_derived(names: Names) -> None:
    derived = derive(names.kind, names.name)
    for question in FREE_NAMES:
        given, wanted = getattr(names, question.name), getattr(derived, question.name)
        if given != wanted:
            raise UsageProblem(
                f"In a workspace {question.name} is {wanted!r}, not {given!r}; leave it out or use --standalone"
            )
