"""Positions: one integer that names a place in the write-ahead log and an event of the transaction committed there.

`index = (commit_lsn >> 3) << 20 | ordinal`: commits are delivered in the order of their LSNs, LSNs are multiples of 8,
and a transaction has fewer than 2**20 events, so the index rises strictly and is the same on every replay. It stays
below 2**63 for the first 64 TiB of log.
"""

ORDINAL_BITS = 20
MAX_ORDINAL = (1 << ORDINAL_BITS) - 1


def base_index(lsn: int) -> int:
    """The index just below every event of the transaction committed at `lsn`."""
    return (lsn >> 3) << ORDINAL_BITS


def lsn_of(index: int) -> int:
    """The commit LSN that `index` names."""
    return (index >> ORDINAL_BITS) << 3


def parse_lsn(text: str) -> int:
    """An LSN as the server prints it (`16/B374D848`) as a number of bytes."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def format_lsn(lsn: int) -> str:
    """An LSN as the server reads it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
