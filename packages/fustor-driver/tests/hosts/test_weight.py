import pytest

from fustor_driver.hosts.weight import weigh
from fustor_try.scripted import event


def _of(*rows):
    made = event("/a")
    made.rows = list(rows)
    return made


def _deep(levels):
    value = "x"
    for _ in range(levels):
        value = [value]
    return value


ROW = {"path": "/a", "mtime": 1.0, "size": 10**12}


@pytest.mark.parametrize(
    "rows",
    [
        [ROW | {"text": "x" * 10**6}],
        [ROW | {"text": b"x" * 10**6}],
        [ROW | {"record": {"text": "x" * 10**6, "n": None}}],
        [ROW | {"record": {"list": ["x" * 10**6]}}],
        [ROW | {"text": "x" * 10**4}] * 100,
        [{"path": "/a", "size": 1, "record": {"a": "x"}}] * 99 + [{"path": "/a", "size": 10**6, "record": {}}],
    ],
)
def test_an_event_weighs_what_its_texts_weigh(rows):
    assert 10**6 <= weigh(_of(*rows)) < 1.2 * 10**6


@pytest.mark.parametrize(
    "rows", [[], [ROW], [ROW | {"deep": _deep(10_000)}], [ROW | {"wide": [1] * 10}], ["text"], [None], [["x"]]]
)
def test_the_size_of_a_file_is_not_the_weight_of_its_row(rows):
    assert 0 < weigh(_of(*rows)) < 20_000


def test_a_list_of_numbers_weighs_by_its_length():
    assert weigh(_of(ROW | {"numbers": [1.0] * 10**6})) > 10**7
