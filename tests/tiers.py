"""Which cases of a dear test every landing runs, and which the long form does."""

import pytest


def sampled(cases, every=3):
    """The cases, the first of every so many as they are and the others in `full`."""
    return [pytest.param(case, marks=pytest.mark.full if at % every else ()) for at, case in enumerate(cases)]
