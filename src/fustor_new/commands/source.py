"""`fustor-new source`, and all of `fustor-new pusher`: new drivers, from the command line or from a conversation."""

from dataclasses import replace

from fustor_new._output import can_ask
from fustor_new.commands._creation import create
from fustor_new.commands.planning import known_contract_source, locate
from fustor_new.options import PusherOptions

__all__ = ["run"]


def run(options: PusherOptions) -> None:
    """Create what `options` say, or show it where they say so; without a name, ask for what they do not say.

    Raises:
        FustorNewError: something stands in the way, and nothing was changed.
    """
    if not options.names:
        from fustor_new.commands.conversation import converse  # noqa: PLC0415 - libraries for questions take their time

        converse(options)
        return
    if can_ask() and not options.yes and not known_contract_source(options, locate(options)):
        from fustor_new.commands.wizard import ask_contract_source  # noqa: PLC0415 - as above

        options = replace(options, contract_source=ask_contract_source(options))
    create(options)
