"""The Airbyte protocol without its packages: any source is a connector."""

from fustor_driver.engines.airbyte.answers import check, discover, specification
from fustor_driver.engines.airbyte.reading import bookmark_of, mode_of, read

__all__ = ["bookmark_of", "check", "discover", "mode_of", "read", "specification"]
