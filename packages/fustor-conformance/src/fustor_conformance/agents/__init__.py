"""The released agents: simulated in this process (`Agent02`, `Agent08`), and as processes of their own (`released`)."""

from fustor_conformance.agents.agent02 import Agent02
from fustor_conformance.agents.agent08 import Agent08
from fustor_conformance.agents.bus import BusFailedError, MemoryBus
from fustor_conformance.agents.pipe08 import Pauses
from fustor_conformance.agents.receiver import Receiver
from fustor_conformance.agents.transcript import Call, Delivery, Transcript

__all__ = ["Agent02", "Agent08", "BusFailedError", "Call", "Delivery", "MemoryBus", "Pauses", "Receiver", "Transcript"]
