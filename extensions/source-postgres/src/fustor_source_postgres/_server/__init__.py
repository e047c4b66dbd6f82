"""What is asked of a server besides rows, and what is kept there for the source; in the order of a start.

- `connection`: where the server is, how a session is set and asked, and which of its faults pass
- `patience`: how long such a fault is borne, and when to stop
- `catalog`: the chosen tables, their columns and keys, and what this user may read of them
- `publication`: which changes the server puts into the stream, and whether it still does
- `slots`: what the server keeps of its log for the source, and the positions in it
- `ownership`: whose a slot is
- `boundary`: one moment of the database that snapshot and stream share
"""
