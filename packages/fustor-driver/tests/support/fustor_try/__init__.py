"""Small real drivers for the tests of fustor-driver: a log of operations, and a file of JSON Lines."""
