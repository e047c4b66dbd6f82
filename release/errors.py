"""What stops a release."""

__all__ = ["ReleaseError"]


class ReleaseError(Exception):
    """The release cannot go on; nothing of it has come into the repository. The message says what to do."""
