"""A private PostgreSQL server for tests and demonstrations."""

from fustor_testing_postgres._server import Server, shared_server

__all__ = ["Server", "shared_server"]
