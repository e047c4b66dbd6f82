"""What may be printed: the one place through which every text goes that could name a secret of the user's.

A redactor learns the secrets of the configurations that are loaded, and replaces them, in every form in which a message
may show them. Addresses and parameters that look like secrets are masked whether they are known or not.
"""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

__all__ = [
    "REDACTOR",
    "VARIABLE",
    "Redactor",
    "SafeStream",
    "bare_secrets",
    "clean",
    "clean_data",
    "is_secret",
    "safe_logger",
    "without_secrets",
]

VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\})")
"""How a configuration names a variable: `${NAME}`, whose first group is the name; `$$` is a dollar, without one."""
_MASK = "***"
_PLACEHOLDER = "KEY=VALUE"  # of our own messages
_SECRET_NAME = re.compile(
    r"passw|passphrase|authorization|pass$|(?:^|[._-])(?:pass|pwd)[._-]|pwd$|secret|token|cookie|(?:^|\.)key$|(?:^|[._-])sig$|signature$"
    r"|(?:api|access|account|auth|encryption|private|shared|signing)[._-]?key",
    re.IGNORECASE,
)
_OPEN_NAMES = frozenset({"user", "username"})
_CREDENTIALS = frozenset({"credential", "credentials", "admin_creds"})
_ADDRESS = re.compile(r"(?<=[\w+.-])(:/{2,3})(\S.*)", re.DOTALL)
_AUTHORIZATION = re.compile(r"authorization\W+(?:[A-Za-z]+\s+)?([^\s'\"]+)", re.IGNORECASE)
_SCHEME = re.compile(r"(?:basic|bearer|digest|negotiate|token)\s+", re.IGNORECASE)
_PARAMETER = re.compile(r"(?<![\w%.+-])([\w%.+-]+)(\s*=\s*)('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s&;,'\"]+)")
_USER_INFO = re.compile(r"(?<=[\w+.-])(:/{2,3})[^\s'\"<>]*@")
_PASSWORD = re.compile(r"([^\s/?#:@\[]*):(?!//)(\S+)@")
_PORT = re.compile(r"\d{1,5}[/?#]")
_OF_A_NUMBER = re.compile(r"(?:passw(?:or)?d|pass|passphrase|pwd|secret|token|key)$", re.IGNORECASE)
_PYDANTIC_INPUT = re.compile(r"input_value=.*?, input_type=", re.DOTALL)
_PIECES = re.compile(r"[/@:?#&=\s%+;,'\"\\]+")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LEAST, _LONG, _TOKEN = 3, 8, 16
_REFERRED = "\u3164"  # a letter that nobody writes: beside it, addresses and parameters stay what they are


class Redactor:
    """Knows secrets and makes texts safe; callable from any thread."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def learn(self, value: Any, *, secret: bool = False) -> None:
        """Learn the secrets in plain data of a configuration, which may be wrong in any way."""
        for found in _secrets_in(value, secret=secret, seen=set()):
            self.add(found)

    def learn_arguments(self, arguments: Sequence[str]) -> None:
        """Learn the secrets in a command line: addresses, and values of `KEY=VALUE` with a secret key."""
        for argument in arguments:
            name, equals, value = argument.partition("=")
            if equals and (is_secret(name) or not _CREDENTIALS.isdisjoint(name.split("."))):
                self.learn(value, secret=name.rpartition(".")[2] not in _OPEN_NAMES)
            self.learn(argument)

    def add(self, secret: str) -> None:
        """Learn one secret, in all its forms."""
        forms = {form for line in (secret, *secret.splitlines()) for form in _forms(line.strip())}
        with self._lock:
            if not forms <= self._secrets:
                self._secrets |= forms
                self._known = None

    def clean(self, text: str) -> str:
        """The text without secrets, and without what a terminal takes for orders."""
        return self.hide(_UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text))

    def hide(self, text: str) -> str:
        """The text without secrets."""
        known = self._pattern()
        if known is not None:
            text = known.sub(_MASK, text)
        text = _PYDANTIC_INPUT.sub(f"input_value={_MASK}, input_type=", text)
        text = _USER_INFO.sub(rf"\g<1>{_MASK}@", text)
        return _PARAMETER.sub(_masked_parameter, text)

    def _pattern(self) -> re.Pattern[str] | None:
        with self._lock:
            if self._known is None and self._secrets:
                longest_first = sorted(self._secrets, key=len, reverse=True)
                self._known = re.compile("|".join(map(_expression, longest_first)))
            return self._known


REDACTOR = Redactor()
"""The process's one redactor: a configuration that any part of it loads is known to all."""


def clean(text: str) -> str:
    """A text that may be printed."""
    return REDACTOR.clean(text)


def clean_data(value: Any) -> Any:
    """Plain data of which every text may be printed."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean_data(key): clean_data(item) for key, item in value.items()}
    return [clean_data(item) for item in value] if isinstance(value, list | tuple) else value


class SafeStream(io.TextIOWrapper):
    """A stream on which everything is made safe before it is written: tracebacks and usage errors go there unasked."""

    def write(self, text: str) -> int:
        """Write the text without secrets; escape sequences are the terminal table's own, and stay."""
        super().write(REDACTOR.hide(text))
        return len(text)


def safe_logger(name: str) -> logging.Logger:
    """A logger whose messages are safe for every handler."""
    logger = logging.getLogger(name)
    if not any(isinstance(known, _SafeFilter) for known in logger.filters):
        logger.addFilter(_SafeFilter())
    return logger


class _SafeFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = clean(record.getMessage()), None
        return True


def _secrets_in(value: Any, *, secret: bool, seen: set[int]) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple):
        if id(value) in seen:
            return
        seen.add(id(value))
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets_of_key(str(key), secret=secret)
            below = (secret or is_secret(str(key))) and str(key) not in _OPEN_NAMES
            yield from _secrets_in(item, secret=below, seen=seen)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets_in(item, secret=secret, seen=seen)
    elif secret and value is not None and not isinstance(value, bool):
        yield str(value)
        yield _SCHEME.sub("", str(value), count=1)
    if isinstance(value, str):
        yield from _secrets_in_text(value)


def _secrets_of_key(key: str, *, secret: bool) -> Iterator[str]:
    """What slipped into a key: `passwd:word` without a blank is a key, and so is an address."""
    name, colon, rest = key.partition(":")
    if colon and (secret or is_secret(name)):
        yield rest
    yield from _secrets_in_text(key)


def _secrets_in_text(text: str) -> Iterator[str]:
    """Passwords in addresses and in connection strings, however broken."""
    address = _ADDRESS.search(text)
    if address is not None:
        for user_info in _user_infos(address[2]):
            user, colon, password = user_info.partition(":")
            if colon or len(user) >= _TOKEN:
                yield from _with_pieces(password if colon else user)
    elif "@" in text and ":" in text.partition("@")[0] and not text[: text.index("@")].count(" "):
        yield from _with_pieces(text.rpartition("@")[0].partition(":")[2])
    yield from _secrets_of_parameters(text)


def _secrets_of_parameters(text: str) -> Iterator[str]:
    yield from _AUTHORIZATION.findall(text)
    for parameter in _PARAMETER.finditer(text):
        if is_secret(unquote(parameter[1])):
            yield parameter[3]
            yield parameter[3].strip("'\"")


def _user_infos(rest: str) -> set[str]:
    """What stands before the host: where a password has an unescaped `/`, `?` or `@`, there are several readings."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    readings = [authority, rest.partition("?")[0]] if "@" in authority else [rest.partition("?")[0], rest]
    return {reading.rpartition("@")[0] for reading in readings if "@" in reading}


def _with_pieces(password: str) -> Iterator[str]:
    yield password
    for text in (password, unquote(password)):
        pieces = _PIECES.split(text)
        if len(pieces) > 1:
            yield from (piece for piece in pieces if len(piece) >= _LEAST)


def is_secret(name: str) -> bool:
    """Whether what a key or a parameter of this name holds is nobody else's business."""
    return name in _CREDENTIALS or _SECRET_NAME.search(unquote_plus(name)) is not None


def without_secrets(value: Any) -> Any:
    """Plain data of a configuration without what is secret in it, equal for equal data whatever the secrets are."""
    if isinstance(value, Mapping):
        return {key: without_secrets(item) for key, item in value.items() if not is_secret(str(key))}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return _PARAMETER.sub(_masked_parameter, _USER_INFO.sub(r"\1", value)) if isinstance(value, str) else value


def bare_secrets(value: Any, place: str = "", *, secret: bool = False) -> Iterator[str]:
    """The places in plain data, such as `credential.passwd`, at which a secret stands that is not a `${NAME}` alone.

    Args:
        value: what is to be shown or written, with its variables not put in.
        place: where it stands itself.
        secret: everything in it is secret.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = str(key)
            if any(_secrets_of_key(name, secret=secret)):
                yield _joined(place, name.partition(":")[0])
            below = (secret or _names_a_secret(name, item)) and name not in _OPEN_NAMES
            yield from bare_secrets(item, _joined(place, name), secret=below)
    elif isinstance(value, list | tuple):
        for at, item in enumerate(value):
            yield from bare_secrets(item, _joined(place, str(at)), secret=secret)
    elif value is not None and not isinstance(value, bool) and _is_bare(str(value), secret=secret):
        yield place


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _is_bare(text: str, *, secret: bool) -> bool:
    """Whether anything of a secret is left in a text where its variables are taken out."""
    text = VARIABLE.sub(lambda match: _REFERRED if match[1] else "$", text)
    found = [_SCHEME.sub("", text, count=1)] if secret else _written_secrets(text)
    return any(one.replace(_REFERRED, "").strip() for one in found)


def _names_a_secret(name: str, value: Any) -> bool:
    """As `is_secret`; of a number only where the name ends so: `token_ttl_sec` is none."""
    return is_secret(name) and (not isinstance(value, int | float) or _OF_A_NUMBER.search(name) is not None)


def _written_secrets(text: str) -> Iterator[str]:
    """What is plainly a secret: masking may take more than there is, and a refusal must not.

    So a user alone is none, nor is a path or a port with an `@` behind it.
    """
    address = _ADDRESS.search(text)
    has_authority = address is None or address[1] == "://"
    found = _PASSWORD.match(address[2] if address else text) if has_authority else None
    if found and found[1] != "mailto" and not _PORT.match(found[2]):
        yield found[2]
    yield from _secrets_of_parameters(text)


def _forms(secret: str) -> set[str]:
    """The ways in which a message may write a secret."""
    decoded = unquote(secret)
    forms = {secret, decoded, unquote_plus(secret), quote(secret, safe=""), quote(secret), quote_plus(secret)}
    for text in (secret, decoded):
        forms |= {repr(text)[1:-1], ascii(text)[1:-1], json.dumps(text)[1:-1], text.replace("'", "''")}
    return {form for form in forms if form.strip()}


def _expression(secret: str) -> str:
    """Long secrets are found everywhere, short ones as words of their own, the shortest between quotes."""
    text = re.escape(secret)
    if len(secret) < _LEAST:
        return rf"(?<=['\"]){text}(?=['\"])"
    if len(secret) >= _LONG:
        return text
    return (r"(?<!\w)" if secret[0].isalnum() else "") + text + (r"(?!\w)" if secret[-1].isalnum() else "")


def _masked_parameter(match: re.Match[str]) -> str:
    if match[0] == _PLACEHOLDER or not is_secret(unquote(match[1])):
        return match[0]
    return f"{match[1]}{match[2]}{_MASK}"
