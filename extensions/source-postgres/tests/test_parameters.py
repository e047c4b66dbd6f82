"""Numbers that nothing can be done with are refused where they are written, each by its name."""

import math

import pytest

from fustor_core.exceptions import ConfigError
from fustor_source_postgres import PostgresParams
from fustor_source_postgres.config import parse_params

NUMBERS = [name for name, field in PostgresParams.model_fields.items() if type(field.default) in (int, float)]
FRACTIONS = {name for name in NUMBERS if PostgresParams.model_fields[name].annotation is float}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [math.inf, -math.inf, math.nan, 0, -1, -0.0, 1e-9, 0.0009, 1e308, 10**30, "1e400", True, False, "", None, []],
)
def test_a_number_that_cannot_be_meant_is_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        parse_params({name: value})


@pytest.mark.parametrize("name", NUMBERS)
def test_the_least_and_a_large_number_are_taken(name):
    least = 0.001 if name in FRACTIONS else 1
    assert getattr(parse_params({name: least}), name) == least
    assert getattr(parse_params({name: 1_000_000}), name) == 1_000_000


def test_every_limit_of_time_that_is_accepted_works(database, make_driver):
    database.run("create table t (id int primary key)")
    for seconds in (0.001, 2_000_000):
        params = dict.fromkeys(FRACTIONS, seconds) | {"connect_timeout_sec": 2_000_000}
        driver = make_driver(**params, slot=f"s{int(seconds)}")
        driver.get_message_iterator(-1)
        assert list(driver.get_snapshot_iterator()) == []
        assert len(list(driver.get_audit_iterator())) == 5
