"""`python -m fustor_driver`."""

from fustor_driver.cli import main

if __name__ == "__main__":
    main()
