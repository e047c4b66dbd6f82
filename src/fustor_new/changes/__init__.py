"""What a command changes on disk: planned as one value, shown as a patch, and carried out whole or not at all."""
