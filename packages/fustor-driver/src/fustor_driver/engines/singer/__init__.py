"""The Singer protocol without an SDK: any source is a tap, any pusher a target."""

from fustor_driver.engines.singer.taps import bookmark_of, catalog_of, is_selected, tap
from fustor_driver.engines.singer.targets import TargetOptions, target

__all__ = ["TargetOptions", "bookmark_of", "catalog_of", "is_selected", "tap", "target"]
