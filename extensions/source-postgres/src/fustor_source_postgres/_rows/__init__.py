"""What a row and an event are, and how a value of the database becomes one of JSON."""
