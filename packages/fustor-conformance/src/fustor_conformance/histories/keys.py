"""The names that hurt: what systems allow and paths, patterns, logs, JSON, SQL or a shell do not expect."""

from __future__ import annotations

PLAIN = ("a", "b", "dir/a", "dir/deep/a", "dir/b", "c")
"""Few, so that a history meets the same name again."""

NEW = ("a", "x", "y", "b")
"""What things are renamed to."""

ODD = (
    ".hidden",
    "with blank",
    " leading",
    "trailing ",
    "100%",
    "a%2Fb%41",
    "plus+and&equals=",
    "quo\"te'",
    "-dash",
    "caf\u00e9",
    "cafe\u0301",
    "\u65e5\u672c\u8a9e \U0001f418",
    "Case",
    "case",
    "hash#ask?",
    "semi;colon,comma:",
    "*glob[x]",
    "$HOME",
    "~tilde",
    "back\\slash",
    "new\nline",
    "tab\there",
    "dotted.tar.gz",
    "0",
    "null",
    "n" * 200,
    "\u00fc" * 110,
    "long" * 350,
)
"""Each is tried once in a World of its own; what the World does not hold is left out."""

ODD_NESTED = (".hidden-box/.inner", "a box/with blank/\u00fc", "deep/" * 24 + "leaf", "dash/-r", "percent%/%25")
"""Where the World can nest."""

LONG = ("l", "m", "n")
"""Of things with long values."""
