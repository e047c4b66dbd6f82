"""The database server: links to it, and which of its faults pass."""
