"""The specification of a driver by its plain name, as tests give it."""

from dataclasses import replace
from typing import Any

from fustor_new.names import derive
from fustor_new.template.contract_source import ContractSource
from fustor_new.template.questions import FREE_NAMES
from fustor_new.template.spec import DriverSpec


def spec_of(kind: str, name: str, *, contract: ContractSource, layout: str = "workspace", **given: Any) -> DriverSpec:
    """The specification of the driver that is called `name`; raises as `DriverSpec.of`."""
    free = {one.name: chosen for one in FREE_NAMES if (chosen := given.pop(one.name, None)) is not None}
    return DriverSpec.of(replace(derive(kind, name), **free), layout, contract, given)
