"""What a row and an event are, and how a value of the database becomes one of JSON; the same in every phase.

- `json`: converters of json and jsonb, which lose nothing
- `types`: a converter for each type
- `shape`: paths and fields of rows, layouts, and the events of rows and containers
- `lines`: COPY's lines as rows, a column at a time
"""
