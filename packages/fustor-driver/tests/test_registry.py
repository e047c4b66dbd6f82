import pytest

from fustor_driver.errors import EnvironmentProblem
from fustor_driver.kinds import Kind
from fustor_driver.registry import DriverRecord, Registry
from fustor_try.log_source import LogDriver


@pytest.fixture
def registry(installed):  # noqa: ARG001 - the test drivers are installed while it is used
    return Registry.installed()


def test_a_driver_in_several_groups_is_one_record_with_the_hosts_that_find_it(registry):
    record = registry.find(Kind.SOURCE, "try_log")
    assert record.load() is LogDriver
    assert record.groups == ("fustor.drivers.sources", "fustor_agent.drivers.sources")
    assert record.hosts == ("agent-0.2", "agent-0.8", "guide")
    assert (record.distribution, record.version) == ("fustor-try", "1.0")


def test_a_driver_that_does_not_load_is_there_with_its_traceback(registry):
    record = registry.find(Kind.SOURCE, "try_broken")
    assert "Traceback" in record.error
    with pytest.raises(EnvironmentProblem, match=r"does not load: RuntimeError: this module does not load"):
        record.load()


def test_dashes_and_underscores_name_the_same_driver(registry):
    assert registry.find(Kind.PUSHER, "try-lines") is registry.find(Kind.PUSHER, "try_lines")


@pytest.mark.parametrize(
    ("kind", "name", "word"),
    [(Kind.SOURCE, "try_lgo", "did you mean 'try_log'"), (Kind.PUSHER, "nothing-like-it", "there are ")],
)
def test_an_unknown_name_gets_a_suggestion(kind, name, word, registry):
    with pytest.raises(EnvironmentProblem, match=word):
        registry.find(kind, name)


def test_a_name_that_two_packages_claim_is_refused():
    twice = tuple(
        DriverRecord(Kind.SOURCE, "a", f"{package}:A", package, "1", ("fustor.drivers.sources",))
        for package in ("one", "two")
    )
    with pytest.raises(EnvironmentProblem, match="registered by 'one', 'two'; remove one"):
        Registry(twice).find(Kind.SOURCE, "a")
