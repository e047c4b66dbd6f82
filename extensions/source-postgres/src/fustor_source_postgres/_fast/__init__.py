"""What is here for its speed: lines in frames, functions made for one table. Nothing here knows what they mean."""
