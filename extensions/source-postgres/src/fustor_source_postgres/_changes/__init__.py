"""What the messages of a stream mean.

- `relation`: a table as the stream describes it, what it is to this source, and its tuples as rows
- `present`: values that the log leaves out of rows at a new path, read from their table
- `groups`: the rows of a transaction as events, the same on every replay
- `pgoutput`: each message, and what it says of transactions, tables and rows
"""
