"""What a new driver shall be: every answer, validated once."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal, Self

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel, field_validator, model_validator

from fustor_new import names
from fustor_new.errors import NameRefused, UsageProblem
from fustor_new.template.contract_source import ContractSource

__all__ = ["DriverSpec", "is_licence", "is_mail_address"]

_MAIL = re.compile(r"[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_HIDDEN_CLASSES = frozenset(
    {"Any", "AuditItem", "CONTAINERS", "Callable", "ClassVar", "EventType", "Iterator", "LifecycleSignal", "Log"}
    | {"MessageSource", "Path", "Ticks", "TypeAlias"}
)


def is_mail_address(text: str) -> bool:
    """Tell whether `text` is a mail address that a specification takes."""
    return _MAIL.fullmatch(text) is not None


def is_licence(text: str) -> bool:
    """Tell whether `text` is an SPDX licence expression."""
    try:
        return bool(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return False


class DriverSpec(BaseModel, frozen=True, extra="forbid"):
    """One driver to be rendered. Free texts are data: they may hold anything that is printable, and line breaks."""

    kind: Literal["source", "pusher"]
    name: str
    layout: Literal["workspace", "standalone"] = "workspace"
    distribution: str
    package: str
    entry_point: str
    class_name: str
    description: str
    author: str = ""
    email: str = ""
    license: str = "Apache-2.0"
    dependencies: tuple[str, ...] = ()
    member_requirements: tuple[str, ...] = ()
    """Normalized names of its requirements that are members of the workspace, beside the contract's packages."""
    audit: bool = True
    durable: bool = True
    example: bool = False
    contract: ContractSource

    @classmethod
    def from_options(cls, kind: str, name: str, **options: Any) -> Self:
        """The specification of driver `name`; options that are None or missing take the contract's defaults.

        Raises:
            NameRefused: a name is not allowed.
            UsageProblem: any other option cannot be used.
        """
        derived = names.derive(kind, name)
        defaults = {
            "distribution": derived.distribution,
            "package": derived.package,
            "entry_point": derived.entry_point,
            "class_name": derived.class_name,
            "description": f"Fustor {kind} driver for {name}",
        }
        given = {option: value for option, value in options.items() if value is not None}
        return cls.model_validate({"kind": kind, "name": name, **defaults, **given})

    @field_validator("description", "author")
    @classmethod
    def _text_is_data(cls, text: str) -> str:
        for character in text:
            if unicodedata.category(character) in {"Cc", "Cs"} and not character.isspace():
                raise UsageProblem(f"{text!r} holds the character {character!r}, which no file can; leave it out")
        return text

    @field_validator("email")
    @classmethod
    def _email_is_one(cls, email: str) -> str:
        if email and not is_mail_address(email):
            raise UsageProblem(f"{email!r} is no mail address; write it like name@example.org, or leave it out")
        return email

    @field_validator("license")
    @classmethod
    def _license_is_spdx(cls, expression: str) -> str:
        try:
            return str(canonicalize_license_expression(expression))
        except InvalidLicenseExpression as error:
            raise UsageProblem(
                f"{expression!r} is no SPDX licence expression; use one like Apache-2.0, MIT or LicenseRef-Proprietary"
            ) from error

    @field_validator("dependencies")
    @classmethod
    def _dependencies_are_requirements(cls, dependencies: tuple[str, ...]) -> tuple[str, ...]:
        for requirement in dependencies:
            try:
                Requirement(requirement)
            except InvalidRequirement as error:
                raise UsageProblem(f"{requirement!r} is no requirement; write it like 'redis>=5'") from error
            if any(unicodedata.category(character) == "Cc" for character in requirement.strip()):
                raise UsageProblem(f"{requirement!r} holds a control character; leave it out")
        return tuple(requirement.strip() for requirement in dependencies)

    @model_validator(mode="after")
    def _names_are_allowed(self) -> Self:
        derived = names.derive(self.kind, self.name)
        if self.layout == "standalone":
            names.check_distribution(self.distribution)
            names.check_package(self.package)
            names.check_entry_point(self.entry_point)
            names.check_class_name(self.class_name)
            if self.class_name in _HIDDEN_CLASSES:
                raise NameRefused(f"Class {self.class_name!r} would hide a name that the driver uses; choose another")
            return self
        for option in ("distribution", "package", "entry_point", "class_name"):
            given, wanted = getattr(self, option), getattr(derived, option)
            if given != wanted:
                raise UsageProblem(
                    f"In a workspace {option} is {wanted!r}, not {given!r}; leave it out or use --standalone"
                )
        return self

    @model_validator(mode="after")
    def _description_says_something(self) -> Self:
        if not self.description.strip():
            raise UsageProblem(f"Description {self.description!r} is empty; say what the driver does")
        return self
