"""The error tree: what a caller does next decides the class."""

import pickle

import pytest

from fustor_core.exceptions import ConfigError, DriverError, NotSupported, RetryableError

CLASSES = [ConfigError, DriverError, NotSupported, RetryableError]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_a_driver_error_that_says_its_message(error):
    assert issubclass(error, DriverError)
    assert str(error("Slot 'a' is gone")) == "Slot 'a' is gone"


@pytest.mark.parametrize("error", CLASSES)
@pytest.mark.parametrize("arguments", [(), ("a", "b")])
def test_an_error_takes_exactly_one_string(error, arguments):
    with pytest.raises(TypeError):
        error(*arguments)


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_crosses_processes(error):
    copy = pickle.loads(pickle.dumps(error("gone")))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy)) == (error, "gone")


def test_siblings_are_not_each_other():
    assert not issubclass(RetryableError, ConfigError)
    assert not issubclass(NotSupported, RetryableError)
