"""The command as a process."""

from fustor_driver.cli import main as command
from fustor_driver.leaving import leaving_in_time

__all__ = ["main"]


def main() -> None:
    """Run the command `fustor-driver` and end the process with its exit code, in time."""
    leaving_in_time(command)


if __name__ == "__main__":
    main()
