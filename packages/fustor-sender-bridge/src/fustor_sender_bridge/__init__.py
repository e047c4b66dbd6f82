"""The sender `pusher` of fustor-agent 0.8: runs any installed pusher driver."""

from fustor_sender_bridge.config import BridgeParams
from fustor_sender_bridge.sender import PusherSender

__all__ = ["BridgeParams", "PusherSender"]
