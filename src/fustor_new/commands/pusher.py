"""`fustor-new pusher`: as `fustor-new source`, of the other kind."""

from fustor_new.commands.source import run

__all__ = ["run"]
