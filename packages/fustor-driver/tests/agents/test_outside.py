import socket

import pytest

from fustor_driver.agents import outside
from fustor_driver.errors import EnvironmentProblem


def test_a_free_port_is_none_of_those_that_connections_are_given():
    given = [outside.free_port() for _ in range(50)]
    assert all(10_000 <= port < 32_768 for port in given)
    assert len(set(given)) > 1


def test_a_port_that_somebody_listens_on_is_not_free(monkeypatch):
    with socket.create_server(("127.0.0.1", outside.free_port())) as taken:
        monkeypatch.setattr(outside, "_SERVERS_PORTS", [taken.getsockname()[1]] * 100)
        with pytest.raises(EnvironmentProblem, match="No free port"):
            outside.free_port()
