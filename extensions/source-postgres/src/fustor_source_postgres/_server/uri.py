"""An address as users write it, refused where a password would be taken for something else, and then be shown."""

from __future__ import annotations

import re

import psycopg2
from psycopg2.extensions import parse_dsn

from fustor_core.exceptions import ConfigError

SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
"""Parameters of libpq whose values are nobody else's business."""
_URI = re.compile(r"postgres(?:ql)?://(?P<authority>[^/]*)/?(?P<path>[^?]*)", re.DOTALL)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_NO_CHARACTER = "it has a character that no address has"
_FORM = "write it like postgresql://host:5432/database"


def parse_uri(uri: str) -> dict[str, str]:
    """The parameters of a `postgresql://` uri, or of libpq's `host=... dbname=...`.

    Raises:
        ConfigError: says what is wrong with the address without repeating any of it.
    """
    fault = _fault_of_text(uri)
    if fault is None:
        try:
            parts: dict[str, str] = parse_dsn(uri)
        except (psycopg2.Error, ValueError) as err:  # the latter of half a surrogate pair
            fault = _fault_of(err)
        else:
            fault = _fault_of_parts(parts)
    if fault is not None:
        # without a cause, which would quote the text
        raise ConfigError(f"The uri is not an address: {fault}; {_FORM}")
    return parts


def _fault_of_text(uri: str) -> str | None:
    """What libpq would read otherwise than it was meant."""
    if "\0" in uri:
        return _NO_CHARACTER
    if not uri.startswith(("postgresql://", "postgres://")):
        return None
    found = _URI.match(uri)
    authority, path = (found["authority"], found["path"]) if found else ("", "")
    if authority.count("@") > 1:
        return "an '@' in the user or the password is written %40"
    if "@" in path:
        return "a '/' in the user or the password is written %2F, an '@' in the database's name %40"
    if _BAD_ESCAPE.search(uri):
        return "a '%' is written %25"
    return None


def _fault_of(err: Exception) -> str:
    """The kind of fault that libpq found, without what it quotes."""
    if isinstance(err, ValueError):
        return _NO_CHARACTER
    text = str(err)
    if "invalid URI query parameter" in text or "invalid connection option" in text:
        return "it has a parameter that libpq does not know"
    if "missing key/value separator" in text or 'missing "="' in text:
        return "a parameter has no '='"
    if "unterminated quoted string" in text:
        return "a quotation has no end"
    return "libpq cannot read it"


def _fault_of_parts(parts: dict[str, str]) -> str | None:
    ports = parts.get("port", "").split(",")
    if not all(port == "" or (port.isascii() and port.isdecimal()) for port in ports):
        return "the port is not a number, or a '/' in the password is not written %2F"
    # '@' opens the name of an abstract socket, and a directory may have any name
    if any("@" in host[1:] for host in parts.get("host", "").split(",") if not host.startswith("/")):
        return "an '@' in the user or the password is written %40"
    return None
