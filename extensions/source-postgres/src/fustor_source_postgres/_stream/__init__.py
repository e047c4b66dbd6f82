"""The stream as a host reads it: opened, read, resumed after faults, and released as far as the host has come.

- `libpq`: what psycopg2 does not do for such a connection
- `reader`: the connection, read by the thread that decodes and kept alive by another
- `spool`: transactions that arrive before their commit, kept until it
- `opening`: at a new boundary, or again at a position; with the source's slot or a copy of it
- `stream`: the iterator, which also decides whether to go on
"""
