"""Simulators of the released agents, that drive a source or a pusher as they do and note what they called and lost."""

from fustor_conformance.agents.agent02 import Agent02
from fustor_conformance.agents.agent08 import Agent08
from fustor_conformance.agents.bus import BusFailedError, MemoryBus
from fustor_conformance.agents.transcript import Call, Delivery, Transcript

__all__ = ["Agent02", "Agent08", "BusFailedError", "Call", "Delivery", "MemoryBus", "Transcript"]
