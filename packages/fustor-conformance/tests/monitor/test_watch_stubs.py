"""What a driver leaves to the contract's own classes is not watched."""

from __future__ import annotations

import pytest
from kit_pusher import LogDriver

from fustor_conformance.monitor import observed
from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.models.config import SourceConfig


class Stub(SourceDriver):
    """Nothing is written yet."""

    def get_snapshot_iterator(self, **kwargs):
        raise NotImplementedError

    def get_message_iterator(self, start_position=-1, **kwargs):
        raise NotImplementedError

    @classmethod
    async def get_available_fields(cls, **kwargs):
        raise NotImplementedError


def test_a_stub_breaks_nothing():
    with observed(Stub) as monitor, pytest.raises(NotImplementedError):
        Stub("kit", SourceConfig(driver="stub", uri="stub://none")).get_snapshot_iterator()
    assert not list(monitor.findings)


def test_methods_that_the_contract_gives_are_left_alone():
    with observed(Stub):
        assert Stub.acknowledge is SourceDriver.acknowledge
    with observed(LogDriver):
        assert LogDriver.get_latest_committed_index is not PusherDriver.get_latest_committed_index
