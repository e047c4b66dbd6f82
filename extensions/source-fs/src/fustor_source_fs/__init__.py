"""A Fustor source that emits the state and the changes of a directory tree."""

from fustor_source_fs.config import FsParams
from fustor_source_fs.driver import FsDriver

__all__ = ["FsDriver", "FsParams"]
