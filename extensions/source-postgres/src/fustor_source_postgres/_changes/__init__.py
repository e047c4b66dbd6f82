"""What the messages of a stream mean, in the order in which one is read.

- `pgoutput`: each message, and what it says of transactions, tables and rows
- `relation`: a table as the stream describes it, what it is to this source, and its tuples as rows
- `groups`: the rows of a transaction as events, the same on every replay
- `present`: values that the log leaves out of rows at a new path, read from their table
"""
