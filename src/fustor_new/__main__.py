"""The command's first steps: whatever needs no library is answered before one is imported."""

import gc
import sys


def main() -> int:
    """Run `fustor-new` on the process's arguments and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        from fustor_new import __version__  # noqa: PLC0415 - this path imports nothing else

        print(f"fustor-new {__version__}")  # noqa: T201 - the answer
        return 0
    gc.disable()  # a command is over in a second, and a twentieth of that went into looking for what is garbage by then
    try:
        from fustor_new.cli import run  # noqa: PLC0415 - typer takes several times longer than Python itself

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # before there was a command to answer it
        print("Interrupted", file=sys.stderr)  # noqa: T201 - one line instead of a traceback
        return 130


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the current directory: nothing is imported from the checkout that is examined
    sys.exit(main())
