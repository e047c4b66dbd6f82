"""One module, or a few, for each command: from its options to the last line that is printed."""
