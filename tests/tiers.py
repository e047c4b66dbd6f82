"""Which cases of a dear test every landing runs, and which the long form does."""

from functools import partial

import pytest

longer = partial(pytest.param, marks=pytest.mark.full)
"""A case, by its values, that only the long form runs."""


def sampled(cases, every=3):
    """The cases, the first of every so many as they are and the others in `full`."""
    return [longer(case) if at % every else case for at, case in enumerate(cases)]
