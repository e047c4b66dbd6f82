"""The names of fustor-core 1 in an older fustor-core."""

import inspect
from types import ModuleType

import pytest

import fustor_core.drivers
import fustor_core.exceptions
import fustor_core.models.config
from fustor_sender_bridge import _core, _names


def test_what_is_lacking_is_supplied_and_what_is_there_stays():
    module = ModuleType("old")
    module.NotSupported = "there"
    _core.supply(module, "RetryableError", "NotSupported")
    assert module.RetryableError is _names.RetryableError
    assert module.NotSupported == "there"


def test_nothing_is_supplied_beside_fustor_core_1():
    assert _core.PusherDriver is fustor_core.drivers.PusherDriver is not _names.PusherDriver
    assert _core.PusherConfig is fustor_core.models.config.PusherConfig is not _names.PusherConfig
    assert _core.RetryableError is fustor_core.exceptions.RetryableError is not _names.RetryableError


def test_the_supplied_configuration_has_the_fields_of_core_1():
    theirs = fustor_core.models.config.PusherConfig.model_fields
    ours = _names.PusherConfig.model_fields
    assert {name: field.default for name, field in ours.items()} == {
        name: field.default for name, field in theirs.items()
    }


@pytest.mark.parametrize("name", sorted(name for name in vars(_names.PusherDriver) if not name.startswith("_")))
def test_the_supplied_base_class_has_the_methods_of_core_1(name):
    ours, theirs = getattr(_names.PusherDriver, name), getattr(fustor_core.drivers.PusherDriver, name)
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert getattr(ours, "__isabstractmethod__", False) == getattr(theirs, "__isabstractmethod__", False)


def test_the_supplied_base_class_lacks_none_of_core_1():
    public = {name for name in dir(fustor_core.drivers.PusherDriver) if not name.startswith("_")}
    assert public <= set(dir(_names.PusherDriver))
