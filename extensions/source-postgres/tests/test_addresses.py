"""Addresses as users write them: what cannot be read is refused with its fault, and no part of it is ever shown."""

import asyncio

import pytest

from fustor_core.exceptions import ConfigError
from fustor_core.models.config import SourceConfig
from fustor_source_postgres import PostgresDriver
from fustor_source_postgres._server.connection import Address

WORDS = ("s3cret", "w0rd")


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("postgresql://bob:s3cret/w0rd@db.example/shop", "%2F"),
        ("postgresql://bob:s3cret/w0rd@db.example", "%2F"),
        ("postgresql://bob:/w0rds3cret@db.example/shop", "%2F"),
        ("postgresql://bob:s3cret@w0rd@db.example/shop", "%40"),
        ("postgresql://bob:@s3cretw0rd@db.example/shop", "%40"),
        ("postgresql://bob:s3cret/w@0rd@db.example/shop", "%2F"),
        ("postgresql://s3cret/w0rd:x@db.example/shop", "%2F"),
        ("postgresql://bob:s3cret%w0rd@db.example/shop", "%25"),
        ("postgresql://bob:s3cret%00w0rd@db.example/shop", "%25"),
        ("postgresql://bob:s3cret/w0rd?sslmode=x@db.example/shop", "parameter|port|value"),
        ("postgresql://bob:1/s3cret?w0rd=x@db.example/shop", "parameter"),
        ("postgresql://bob:s3cretw0rd/shop", "port"),
        ("postgres://bob:s3cret/w0rd@db.example/shop", "%2F"),
        ("postgresql://db.example/shop?s3cret=w0rd", "does not know"),
        ("postgresql://db.example/shop?password:s3cretw0rd", "has no '='"),
        ("postgresql://bob:s3cretw0rd@[::1/shop", "address"),
        ("mysql://bob:s3cretw0rd@db.example/shop", "'='"),
        ("mysql://bob:s3cret=w0rd@db.example/shop", "does not know"),
        ("host=db.example password=s3cret w0rd", "'='"),
        ("host=db.example password='s3cret w0rd", "no end"),
        ("host=bob:s3cret@w0rd dbname=shop", "%40"),
        ("host=db.example port=s3cretw0rd", "port"),
        ("s3cretw0rd", "'='"),
        ("postgresql://bob:s3cret\0w0rd@db.example/shop", "character"),
        ("postgresql://bob:s3cret\ud800w0rd@db.example/shop", "character"),
        ("postgresql://bob:pw@db.example:s3cretw0rd/shop", "port"),
        ("postgresql://bob:s3cret:x@db.example:1/w0rd@shop", "%2F"),
        ("sftp://bob:s3cretw0rd@db.example/shop", "'='"),
    ],
)
def test_an_address_that_reads_otherwise_than_it_was_meant_is_refused(uri, fault):
    with pytest.raises(ConfigError, match=fault) as caught:
        PostgresDriver("t", SourceConfig(driver="postgres", uri=uri))
    for check in ("test_connection", "check_privileges", "check_runtime_params", "create_agent_user"):
        given = {"user": "u", "passwd": "p"}
        passed, text = asyncio.run(getattr(PostgresDriver, check)(uri=uri, credential=given, admin_creds=given))
        assert not passed
        assert not [word for word in WORDS if word in text]
    shown = str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
    assert not [word for word in WORDS if word in shown]


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://bob:p%40%2F%25w@db.example:5433/shop?sslmode=verify-full",
        "postgresql://bob:p?w:x#y@db.example:5433/shop",
        "postgresql://bob@/shop?host=/run/a@b",
        "postgresql:///shop?host=%40abstract",
        "postgresql://[::1]:5433/shop",
        "postgresql://a:1,b:2/shop",
        "postgresql://db.example/sh%40p%2Fa",
        r"host=/run dbname='my db' password='a\''",
        "host=db.example password=a@b/c%",
    ],
)
def test_what_libpq_reads_as_it_was_meant_is_accepted(uri):
    Address.parse(uri)


@pytest.mark.parametrize("name", ["password", "p%61ssword", "sslpassword"])
def test_a_secret_among_the_parameters_is_known_for_one(name):
    address = Address.parse(f"postgresql://db.example/shop?{name}=s3cret")
    assert "s3cret" not in repr(address)
    assert address.clean(ValueError("no s3cret here")) == "no *** here"


def test_a_connection_whose_settings_were_dropped_is_refused(database):
    address = Address.parse(database.dsn)
    assert "IntervalStyle" in address.dsn
    without = Address(address.dsn.replace("IntervalStyle=iso_8601", "geqo=on"), address.shown, address.database)
    for replication in (False, True):
        with pytest.raises(ConfigError, match="settings of the session"):
            without.connect(replication=replication)
