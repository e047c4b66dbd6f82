"""What the package itself promises: names, construction, configuration. Template-owned: an update renews it."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint, distribution, entry_points
from importlib.resources import files
from typing import Any, TypeAlias

import pytest

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import ConfigError
from fustor_core.models.config import SourceConfig

DISTRIBUTION = "fustor-source-example"
PACKAGE = "fustor_source_example"
ENTRY_POINT = "example"
DriverClass: TypeAlias = type[SourceDriver]
GROUPS = ("fustor.drivers.sources", "fustor_agent.drivers.sources")


def entry(group: str, name: str = ENTRY_POINT) -> EntryPoint:
    ours = distribution(DISTRIBUTION).entry_points
    (found,) = set(entry_points(group=group, name=name)) & set(ours.select(group=group))
    return found


@pytest.fixture
def driver_class() -> DriverClass:
    loaded: DriverClass = entry(GROUPS[0]).load()
    return loaded


@pytest.fixture
def settings() -> Iterator[dict[str, Any]]:
    with entry("fustor.conformance.worlds", "source-example").load()() as world:
        yield {"driver": ENTRY_POINT, **world.config()}


@pytest.mark.parametrize("group", GROUPS)
def test_hosts_find_the_driver_in_their_group(group: str) -> None:
    loaded = entry(group).load()
    assert issubclass(loaded, SourceDriver)
    assert not inspect.isabstract(loaded)


def test_both_groups_name_the_same_class() -> None:
    assert len({entry(group).value for group in GROUPS}) == 1


def test_metadata_is_complete() -> None:
    metadata = distribution(DISTRIBUTION).metadata
    assert metadata["Name"] == DISTRIBUTION
    assert metadata["Summary"]
    assert metadata["License-Expression"]


def test_it_asks_for_a_python_that_the_contract_supports() -> None:
    lowest = re.search(r"(?:>=|==|~=|>)\s*3\.(\d+)", distribution(DISTRIBUTION).metadata["Requires-Python"])
    assert lowest
    assert int(lowest[1]) >= 11


@pytest.mark.parametrize("needed", ["fustor-core", "fustor-event-model", "pydantic"])
def test_what_is_imported_is_declared(needed: str) -> None:
    requires = distribution(DISTRIBUTION).requires or []
    assert [line for line in requires if line.startswith(needed) and "extra" not in line]


def test_types_are_published() -> None:
    assert files(PACKAGE).joinpath("py.typed").is_file()


def test_public_names_exist() -> None:
    module = __import__(PACKAGE)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_driver_takes_id_and_config_both_ways(driver_class: DriverClass, settings: dict[str, Any]) -> None:
    config = SourceConfig.model_validate(settings)
    assert driver_class("one", config).id == "one"
    assert driver_class(id="two", config=config).config is config


def test_driver_is_constructed_and_closed_twice(driver_class: DriverClass, settings: dict[str, Any]) -> None:
    config = SourceConfig.model_validate(settings)
    first, second = driver_class("same", config), driver_class("same", config)

    async def close() -> None:
        for driver in (first, second, first, second):
            await driver.close()

    asyncio.run(close())


def test_driver_is_rebuilt_from_json(driver_class: DriverClass, settings: dict[str, Any]) -> None:
    config = SourceConfig.model_validate(settings)
    again = SourceConfig.model_validate_json(json.dumps(config.model_dump(mode="json")))
    assert driver_class("again", again).config == config


def test_unknown_parameter_is_refused_by_name(driver_class: DriverClass, settings: dict[str, Any]) -> None:
    params = dict(settings.get("driver_params") or {})
    config = SourceConfig.model_validate({**settings, "driver_params": {**params, "no_such_thing": "s3cret"}})
    with pytest.raises(ConfigError, match="no_such_thing") as caught:
        driver_class("mistaken", config)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("check", ["test_connection", "check_privileges", "check_runtime_params", "create_agent_user"])
def test_check_answers_and_never_raises(driver_class: DriverClass, check: str) -> None:
    passed, text = asyncio.run(getattr(driver_class, check)(nothing_known=True))
    assert isinstance(passed, bool)
    assert text


def test_wizard_is_a_list_of_steps(driver_class: DriverClass) -> None:
    assert isinstance(asyncio.run(driver_class.get_wizard_steps())["steps"], list)
