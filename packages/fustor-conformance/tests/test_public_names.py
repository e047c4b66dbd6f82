import pytest

import fustor_conformance


def test_every_public_name_exists():
    assert sorted(fustor_conformance.__all__) == fustor_conformance.__all__
    assert all(getattr(fustor_conformance, name) is not None for name in fustor_conformance.__all__)


def test_another_name_does_not():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = fustor_conformance.nonsense
