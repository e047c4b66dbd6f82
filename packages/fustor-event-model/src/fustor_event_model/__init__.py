"""The events that travel from a source driver to a pusher driver."""

from fustor_event_model.models import *  # noqa: F403 - `models` says what is public
from fustor_event_model.models import __all__ as __all__
