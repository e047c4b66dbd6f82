"""What stands in the database, and how it gets the form that rows need.

- `columns`: the columns of every table of rows, each declared once
- `schema`: the driver's own tables, and how what an earlier version made is brought up to date
- `state`: how far a task has come, in one row that every push locks
- `paths`: what a row has to tell of its path, what is above and below it, and paths too long for an index
- `types`: the types of PostgreSQL, the values that each takes, and the texts that it reads
- `layout`: the columns that a table gets because its source declares them, or because its values need them
- `tables`: which table holds what; made, opened and widened
- `attempts`: what may fail without the transaction
- `guards`: the index of a table's key and the checks of its enumerations
- `declare`: a table as its source declares it, as far as nothing in it is lost
- `switch`: a table that is there changes between columns and jsonb
"""
