"""Which versions of Python the packages of a workspace allow: uv resolves for what all of them do."""

from functools import cache

__all__ = ["MINORS", "minors"]

MINORS = frozenset(range(40))
"""Of Python 3, as far as anybody may ask for one."""
_PATCHES = (0, 1, 50)
_LONGEST = 500


@cache
def minors(specifier: str) -> frozenset[int] | None:
    """Return the minor versions of Python 3 of which a specifier allows any; None if it says nothing."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - only members of a workspace ask

    if not specifier.strip() or len(specifier) > _LONGEST:
        return None
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return None
    return frozenset(minor for minor in MINORS if any(f"3.{minor}.{patch}" in wanted for patch in _PATCHES))
