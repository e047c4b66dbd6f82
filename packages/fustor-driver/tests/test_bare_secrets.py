"""Secrets that are not variables, in what is written into files or shown in plans."""

import pytest

from fustor_driver.redaction import bare_secrets

BARE = {
    "passwd": "hunter22",
    "password": 12345678,
    "token": "hunter22${X}",
    "api_key": "$${X}",
    "authorization": "Bearer hunter22",
}
BARE_TEXTS = [
    "postgresql://u:hunter22@h/db",
    "postgresql://u:hunter22@${HOST}/db",
    "postgresql://u:p/w@h/db",
    "postgresql://u:${P}hunter22@h/db",
    "postgresql://h/db?password=hunter22",
    "host=${H} password=hunter22 dbname=d",
    "u:hunter22@h/db",
]
OPEN = {
    "passwd": "${P}",
    "token": "",
    "secret_is_needed": True,
    "cookie": None,
    "authorization": "Bearer ${T}",
    "user": "bob",
    "batch_size": 12345678,
    "token_ttl_sec": 60,
}
OPEN_TEXTS = [
    "postgresql://u:${P}@h/db",
    "${SCHEME}://u:${P}@${HOST}/db",
    "postgresql://u@h/db",
    "postgresql://h:5432/db",
    "postgresql://h/db?password=${P}&sslmode=require",
    "host=${H} password=${P} dbname=d",
    "/data/${NAME}",
    "postgres://replication_user@db:5432/shop",
    "file:///srv/archive/mails/joe@example.com",
    "http://h:8080/mails/joe@example.com",
    "http://[::1]:8080/joe@example.com",
    "/backup/12:30@host",
    "**/a:b@c",
    "mailto:joe@example.com",
    "$$5",
]


@pytest.mark.parametrize("name", BARE)
def test_a_secret_by_its_name(name):
    assert list(bare_secrets({"driver_params": {name: BARE[name]}})) == [f"driver_params.{name}"]


@pytest.mark.parametrize("text", BARE_TEXTS)
def test_a_secret_in_a_text(text):
    assert list(bare_secrets({"uri": text})) == ["uri"]


def test_a_name_says_it_of_all_that_is_below_but_the_user():
    deep = {"credentials": [{"x": "hunter22", "user": "bob"}, {"y": "${Y}"}]}
    assert list(bare_secrets(deep, "sources.s")) == ["sources.s.credentials.0.x"]


@pytest.mark.parametrize("key", ["passwd:hunter22", "postgresql://u:hunter22@h/db"])
def test_a_secret_that_slipped_into_a_key_is_not_in_its_place(key):
    (place,) = bare_secrets({"driver_params": {key: None}})
    assert place == f"driver_params.{key.partition(':')[0]}"


@pytest.mark.parametrize("name", OPEN)
def test_what_is_no_secret_by_its_name(name):
    assert list(bare_secrets({name: OPEN[name]})) == []


@pytest.mark.parametrize("text", OPEN_TEXTS)
def test_what_is_no_secret_in_a_text(text):
    assert list(bare_secrets({"uri": text})) == []
