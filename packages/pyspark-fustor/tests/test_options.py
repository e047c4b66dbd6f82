"""What options may say, and that they carry no secret."""

import pickle

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from pyspark_fustor import DefaultSource
from pyspark_fustor._options import PusherOptions, Secrets, SourceOptions

from fustor_core.exceptions import ConfigError

SOURCE = {"driver": "postgres", "uri": "postgresql://host/db"}


@pytest.mark.parametrize(
    "secret",
    [
        {"passwd": "geheim"},
        {"passwd": "x${NAME}"},
        {"key": "geheim"},
        {"uri": "postgresql://user:geheim@host/db"},
        {"uri": "host=h password=geheim"},
        {"uri": "postgresql://host/db?password=geheim"},
        {"driver_params": '{"headers": {"authorization": "geheim"}}'},
        {"driver_params": '{"credentials": {"x": "geheim"}}'},
        {"driver_params": '{"tokens": ["${T}", "geheim"]}'},
        {"driver_params": '{"pin": {"password": 12345678}}'},
        {"uri": "postgresql://user:ge/heim@host/db"},
        {"uri": "postgresql://user:geheim${X}@host/db"},
        {"uri": "postgresql://user:geheim@${HOST}/db"},
    ],
)
def test_a_secret_itself_is_refused_and_not_shown(secret):
    with pytest.raises(ConfigError, match="holds a secret") as err:
        SourceOptions.parse(SOURCE | secret)
    assert not any(plain in str(err.value) for plain in ("geheim", "heim", "12345678"))


@pytest.mark.parametrize(
    "open_",
    [
        {"passwd": "${NAME}", "user": "me"},
        {"uri": "postgresql://user:${NAME}@host/db"},
        {"uri": "postgresql://user:${NAME}@${HOST}:5432/db"},
        {"uri": "host=h user=u password=${NAME}"},
        {"driver_params": '{"headers": {"authorization": "${NAME}"}, "tables": ["a.b"]}'},
    ],
)
def test_a_reference_alone_is_no_secret(open_):
    assert SourceOptions.parse(SOURCE | open_).uri


def test_the_option_that_holds_a_secret_is_named():
    with pytest.raises(ConfigError, match="Option 'passwd' holds"):
        SourceOptions.parse(SOURCE | {"passwd": "geheim"})
    with pytest.raises(ConfigError, match=r"Option 'driver_params\.headers\.cookie' holds"):
        SourceOptions.parse(SOURCE | {"driver_params": '{"headers": {"cookie": "geheim"}}'})


def test_a_reference_is_taken_and_replaced_where_the_driver_is_built(monkeypatch, tmp_path):
    monkeypatch.setenv("FROM_ENV", "one")
    (tmp_path / "FROM_FILE").write_text("two\n")
    options = SourceOptions.parse(SOURCE | {"passwd": "${FROM_FILE}", "user": "me", "secrets_dir": str(tmp_path)})
    assert options.entry()["credential"] == {"user": "me", "passwd": "${FROM_FILE}"}
    secrets = Secrets(options.secrets_dir)
    assert (secrets["FROM_ENV"], secrets["FROM_FILE"]) == ("one", "two")
    assert {"FROM_ENV", "FROM_FILE"} <= set(secrets)
    assert "NOWHERE" not in secrets


def test_options_are_told_apart_without_regard_to_case():
    options = SourceOptions.parse(SOURCE | {"BATCH_SIZE": "7", "driver_params": '{"Tables": ["a.B"]}'})
    assert (options.batch_size, options.driver_params) == (7, {"Tables": ["a.B"]})


@pytest.mark.parametrize(("wrong", "what"), [({"uril": "x"}, "uril"), ({"partitions": "0"}, "partitions")])
def test_a_wrong_option_is_named(wrong, what):
    with pytest.raises(ConfigError, match=what):
        SourceOptions.parse(SOURCE | wrong)


@pytest.mark.parametrize("task", [{}, {"task": ""}])
def test_a_pusher_needs_a_task(task):
    with pytest.raises(ConfigError, match="task"):
        PusherOptions.parse({"driver": "postgres", "endpoint": "postgresql://host/db"} | task)


def test_what_spark_adds_to_the_options_of_a_stream_is_left_out():
    options = {"driver": "fs", "endpoint": "/x", "task": "t", "checkpointLocation": "/y"}
    assert PusherOptions.parse(options).task == "t"


def test_what_travels_is_the_options():
    source = pickle.loads(pickle.dumps(DefaultSource(SOURCE)))  # noqa: S301 - made here
    assert source.schema().startswith("`event_type` string")


@pytest.mark.parametrize("name", ["hold_sec", "wait_sec", "progress_sec", "retry_delay_sec"])
def test_a_time_is_a_number_that_travels_as_json(name):
    with pytest.raises(ConfigError, match=f"option.{name}: Input should be a finite number"):
        SourceOptions.parse(SOURCE | {name: "inf"})
