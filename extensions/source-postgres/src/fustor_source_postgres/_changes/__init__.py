"""What the messages of a stream mean: relations, rows, and the events they are told by."""
