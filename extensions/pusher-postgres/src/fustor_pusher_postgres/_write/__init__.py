"""What rows mean: who wins over what is there, how it is written, and what the ends of listings delete."""
