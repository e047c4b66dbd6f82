import pytest

from fustor_core.exceptions import ConfigError
from fustor_source_fs import FsParams
from fustor_source_fs.config import parse_params, parse_uri


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/data", "/data"),
        ("/data/", "/data"),
        ("/", "/"),
        ("file:///data", "/data"),
        ("file://localhost/data", "/data"),
        ("file:///a%20b", "/a b"),
        ("/a%20b", "/a%20b"),
    ],
)
def test_a_uri_names_an_absolute_path(uri, path):
    assert parse_uri(uri) == path


@pytest.mark.parametrize("uri", ["", "data", "./data", "file://host/data", "http:///data", "/a/../b", "file:data"])
def test_another_uri_is_refused_with_its_value(uri):
    with pytest.raises(ConfigError, match="write"):
        parse_uri(uri)


@pytest.mark.parametrize(
    "params",
    [{"batchsize": 1}, {"batch_size": 0}, {"poll_interval_sec": -1}, {"on_watch_limit": "x"}, {"exclude": "a"}],
)
def test_a_wrong_parameter_is_refused_by_name(params):
    with pytest.raises(ConfigError, match=next(iter(params))):
        parse_params(params)


@pytest.mark.parametrize("pattern", ["*.csv", "data-?.[ct]sv", "a"])
def test_the_agents_file_pattern_is_understood(pattern):
    assert parse_params({"file_pattern": pattern}) == FsParams(include=(pattern,))


def test_what_changes_nothing_of_the_agents_driver_is_said_and_left(caplog):
    idle = {"max_scan_workers": 4, "throttle_interval_sec": 5.0, "startup_mode": "all", "file_pattern": "*"}
    assert parse_params(idle) == FsParams()
    (record,) = caplog.records
    assert "max_scan_workers, throttle_interval_sec" in record.getMessage()


@pytest.mark.parametrize(
    ("params", "instead"),
    [
        ({"startup_mode": "message-only"}, "remove it"),
        ({"file_pattern": "*.csv", "include": ["*.txt"]}, "remove file_pattern"),
        ({"file_pattern": "!a"}, "write include"),
        ({"file_pattern": "a/*.csv"}, "write include"),
        ({"file_pattern": "a\\b"}, "write include"),
        ({"file_pattern": 1}, "write include"),
        ({"file_pattern": ""}, "write include"),
    ],
)
def test_what_the_agents_driver_does_otherwise_is_refused_by_name(params, instead):
    with pytest.raises(ConfigError, match=instead) as refused:
        parse_params(params)
    assert next(iter(params)) in str(refused.value)


def test_no_parameters_mean_the_defaults():
    assert parse_params(None) == FsParams()


def test_parameters_are_frozen_hashable_and_described():
    assert len({FsParams(), FsParams()}) == 1
    assert all("description" in one for one in FsParams.model_json_schema()["properties"].values())
