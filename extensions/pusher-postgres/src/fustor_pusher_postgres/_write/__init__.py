"""What rows mean, by the driver contract, section 8; slow and complete, whatever the rows are.

- `rows`: rows as entries, gathered into runs in which their order does not matter
- `stage`: the entries of a run, sent to the staging table
- `statements`: what is done with them there, in SQL; and what of it depends on the columns of a table
- `writer`: what every step writes with: its transaction, the tables and the state of its task
- `moves`: rows that another table has until now, brought to the one that tells of them
- `runs`: one run written: who wins, what goes, what comes, and the containers above
- `ends`: what goes at the end of a snapshot or an audit, and the guard against too much of it
- `refusals`: rows that the database refuses, kept beside
"""
