"""What counts as a model of a driver's parameters."""

import sys
from types import ModuleType

import pytest
from pydantic import BaseModel

from fustor_conformance.histories.exclusions import own_models
from fustor_event_model import UpdateEvent


@pytest.fixture
def package(monkeypatch):
    """A package `fustor_source_tape`, in which a class is made by its base and its name."""
    monkeypatch.setitem(sys.modules, "fustor_source_tape", ModuleType("fustor_source_tape"))

    def make(base, name):
        made = type(name, (base,), {"__module__": "fustor_source_tape"})
        setattr(sys.modules["fustor_source_tape"], name, made)
        return made

    return make


def test_a_model_of_parameters_counts_and_a_kind_of_event_does_not(package):
    driver = package(object, "TapeDriver")
    package(UpdateEvent, "TapeEvent")
    assert own_models(driver) == []
    params = package(BaseModel, "TapeParams")
    assert own_models(driver) == [params]
