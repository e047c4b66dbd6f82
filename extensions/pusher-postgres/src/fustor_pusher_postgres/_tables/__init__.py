"""What stands in the database: tables of rows, how they are made, widened and converted, and how far a task is."""
