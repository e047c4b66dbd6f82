"""What no event told."""
