"""A package that is adopted as a project of its own carries the contract's wheels; its `pyproject.toml` names them."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fustor_new._toml import find, table, texts
from fustor_new.changes.content import FileContent
from fustor_new.package.metadata import requirement
from fustor_new.template.contract_source import CONTRACT_PACKAGES, ContractSource
from fustor_new.template.wheels import CARRIED_IN, contract_wheels, wheels_in

__all__ = ["carried_files", "lines_to_add"]


def carried_files(source: ContractSource, folder: Path) -> Mapping[str, FileContent]:
    """Return the wheels that a project of its own is to carry, by path; `folder` is where it is.

    Raises:
        FustorNewError: they are not there, and cannot be built.
    """
    wheels: Mapping[str, bytes] = {}
    if source.kind == "vendor":
        wheels = contract_wheels()
    elif source.kind == "wheels":
        wheels = wheels_in(Path(os.path.normpath(folder / source.location)))
    return {f"{CARRIED_IN}/{name}": FileContent(data) for name, data in wheels.items()}


def lines_to_add(rendered: bytes, project: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the template's `pyproject.toml`, with their tables, that the author's lacks to use the wheels.

    Args:
        rendered: what the template makes for a project that carries them.
        project: what the author's says.
    """
    text = rendered.decode()
    extras = table(project, "project", "optional-dependencies").values()
    if "fustor-conformance" not in {requirement(one) for listed in extras for one in texts(listed)}:
        yield "[project.optional-dependencies]"
        yield from re.findall(r"^test = .*$", text, re.MULTILINE)[:1]
    if CARRIED_IN not in texts(find(project, ("tool", "uv", "find-links"))):
        yield "[tool.uv]"
        yield f'find-links = ["{CARRIED_IN}"]'
    lacking = [name for name in CONTRACT_PACKAGES if name not in table(project, "tool", "uv", "sources")]
    if lacking:
        yield "[tool.uv.sources]"
        yield from re.findall(rf"^(?:{'|'.join(lacking)}) = .*$", text, re.MULTILINE)
