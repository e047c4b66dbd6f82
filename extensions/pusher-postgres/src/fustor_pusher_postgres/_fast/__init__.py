"""The same as `_write` for plain rows, many at once; what is not plain is left to that, and nothing is written here.

- `columns`: the texts of a column for many rows, as `_write.stage` makes them one by one
- `blocks`: rows of one table, checked together
- `known`: what is known of their paths, remembered from the last pushes or asked
- `copying`: blocks copied into their table if they are new, otherwise brought from the staging table
"""
