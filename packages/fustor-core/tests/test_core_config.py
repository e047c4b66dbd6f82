"""Configuration models: the shape of the released agents' files, and no secret in any text."""

import pytest
from pydantic import ValidationError

from fustor_core.models.config import ApiKeyCredential, PasswdCredential, PusherConfig, SourceConfig

SECRET = "hunter2"  # noqa: S105 - the value that must not show up


def source(**changes):
    return SourceConfig(**({"driver": "redis", "uri": "redis://localhost"} | changes))


def pusher(**changes):
    return PusherConfig(**({"driver": "redis", "endpoint": "redis://localhost"} | changes))


def test_the_defaults_of_a_source():
    expected = {
        "driver": "redis",
        "uri": "redis://localhost",
        "credential": None,
        "max_queue_size": 1000,
        "max_retries": 10,
        "retry_delay_sec": 5,
        "disabled": True,
        "driver_params": {},
    }
    assert source().model_dump() == expected


def test_the_defaults_of_a_pusher():
    expected = {
        "driver": "redis",
        "endpoint": "redis://localhost",
        "credential": None,
        "batch_size": 100,
        "max_retries": 10,
        "retry_delay_sec": 5,
        "disabled": True,
        "driver_params": {},
    }
    assert pusher().model_dump() == expected


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ({"user": "u"}, PasswdCredential),
        ({"user": "u", "passwd": SECRET}, PasswdCredential),
        ({"key": SECRET}, ApiKeyCredential),
        ({"user": "u", "key": SECRET}, ApiKeyCredential),
    ],
)
def test_a_credential_is_told_by_its_fields(text, model):
    assert type(source(credential=text).credential) is model


@pytest.mark.parametrize("text", [{}, {"user": "u", "password": SECRET}, {"key": SECRET, "passwd": SECRET}])
def test_a_credential_that_is_neither_is_refused_without_its_secret(text):
    with pytest.raises(ValidationError) as refused:
        source(credential=text)
    assert SECRET not in str(refused.value)


def test_credentials_are_values():
    assert len({PasswdCredential(user="u", passwd=SECRET), PasswdCredential(user="u", passwd=SECRET)}) == 1
    assert len({ApiKeyCredential(key="k"), ApiKeyCredential(key="k", user="u")}) == 2


@pytest.mark.parametrize(
    "shown",
    [
        PasswdCredential(user="u", passwd=SECRET),
        ApiKeyCredential(key=SECRET),
        source(credential={"user": "u", "passwd": SECRET}, driver_params={"token": SECRET}),
        source(uri=f"postgresql://me:{SECRET}@host:5432/db"),
        source(uri=f"postgresql://:{SECRET}@host"),
        source(uri=f"postgresql://me:a@{SECRET}@host"),
        source(uri=f"postgresql://me:{SECRET}/with/slashes@host/db"),
        source(uri=f"postgresql://host/db?user=me&password={SECRET}"),
        pusher(endpoint=f"https://me:{SECRET}@host/x"),
        source(uri=f"user=me passfile=/x dbname=d password={SECRET}"),
        source(uri=f"host=h password={SECRET} and {SECRET} dbname=d"),
        source(uri=f"host=h password = 'it\\'s {SECRET}' dbname=d"),
    ],
    ids=lambda shown: type(shown).__name__,
)
@pytest.mark.parametrize("show", [repr, str])
def test_no_text_of_a_model_shows_the_secret(show, shown):
    assert SECRET not in show(shown)


@pytest.mark.parametrize("uri", ["file:///srv/a@b:c", "redis://localhost:6379/0", "mem://x", "/plain/path", "a:b@c"])
def test_an_address_without_a_password_is_shown_as_it_is(uri):
    assert repr(uri) in repr(source(uri=uri))


@pytest.mark.parametrize(
    "changes",
    [
        {"max_queue_size": 0},
        {"max_retries": 0},
        {"retry_delay_sec": 0},
        {"unknown": 1},
        {"driver_params": [1]},
        {"uri": None},
    ],
)
def test_a_mistake_names_its_field(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        source(**changes)


def test_a_batch_holds_at_least_one_row():
    with pytest.raises(ValidationError, match="batch_size"):
        pusher(batch_size=0)


def test_parameters_left_empty_in_a_file_are_none_and_read_as_no_parameters():
    assert pusher(driver_params=None).driver_params == {}


@pytest.mark.parametrize(
    "config", [source(credential={"user": "u", "passwd": SECRET}), pusher(credential={"key": "k"})]
)
def test_a_driver_can_be_rebuilt_from_the_json_of_its_configuration(config):
    assert type(config)(**config.model_dump(mode="json")) == config


def test_a_configuration_never_changes():
    with pytest.raises(ValidationError, match="frozen"):
        source().uri = "other"
