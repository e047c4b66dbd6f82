"""A server for as long as this command runs: fustor-testing-postgres [NAME=VALUE ...]."""

from __future__ import annotations

import argparse
import signal
from contextlib import suppress
from importlib.metadata import version

from fustor_testing_postgres._server import Server

__all__ = ["main"]

_NO_SERVER = 7  # the exit code of all commands for what the environment lacks


def main() -> None:
    """Start a server, print its address and remove the server at SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="fustor-testing-postgres", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('fustor-testing-postgres')}")
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE", type=_setting, help="a setting of the server")
    settings = dict(parser.parse_args().settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        try:
            server = Server.started(**settings)
        except RuntimeError as err:
            parser.exit(_NO_SERVER, f"Error: {err}\n")
        try:
            print(f"FUSTOR_TEST_PG_DSN={server.uri}", flush=True)  # noqa: T201 - a command prints
            signal.pause()
        finally:
            server.remove()


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    main()
