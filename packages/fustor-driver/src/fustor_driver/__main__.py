"""The command as a process."""

import sys

from fustor_driver.leaving import leaving_in_time

__all__ = ["main", "source_fustor", "tap_fustor", "target_fustor"]


def main() -> None:
    """Run the command `fustor-driver` and end the process with its exit code, in time."""
    leaving_in_time(_safely)


def tap_fustor() -> None:
    """Be the tap of Singer: engines call an executable, and give it options of their own alone."""
    _as("singer", "tap")


def target_fustor() -> None:
    """Be the target of Singer."""
    _as("singer", "target")


def source_fustor() -> None:
    """Be the source connector of Airbyte."""
    _as("airbyte")


def _as(*words: str) -> None:
    if sys.argv[1:] != ["--version"]:  # which is that of the package
        sys.argv[1:1] = words
    main()


def _safely() -> None:
    """Run the command with a stderr that shows no secret, whoever writes to it."""
    from fustor_driver.cli import main as command  # noqa: PLC0415 - a Ctrl-C during its imports is answered as well

    if any(not argument.startswith("-") for argument in sys.argv[1:]):
        from fustor_driver.redaction import REDACTOR, SafeStream  # noqa: PLC0415 - --version and --help stay quick

        REDACTOR.learn_arguments(sys.argv[1:])
        sys.stderr.flush()
        sys.stderr = SafeStream(sys.stderr.buffer, sys.stderr.encoding, "backslashreplace", line_buffering=True)
    command()


if __name__ == "__main__":
    main()
