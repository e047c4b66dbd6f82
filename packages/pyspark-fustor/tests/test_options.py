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
    ],
)
def test_a_secret_itself_is_refused_and_not_shown(secret):
    with pytest.raises(ConfigError, match="holds a secret") as err:
        SourceOptions.parse(SOURCE | secret)
    assert "geheim" not in str(err.value)


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


def test_a_pusher_needs_a_task():
    with pytest.raises(ConfigError, match="task"):
        PusherOptions.parse({"driver": "postgres", "endpoint": "postgresql://host/db"})


def test_what_spark_adds_to_the_options_of_a_stream_is_left_out():
    options = {"driver": "fs", "endpoint": "/x", "task": "t", "checkpointLocation": "/y"}
    assert PusherOptions.parse(options).task == "t"


def test_what_travels_is_the_options():
    source = pickle.loads(pickle.dumps(DefaultSource(SOURCE)))  # noqa: S301 - made here
    assert source.schema().startswith("`event_type` string")
