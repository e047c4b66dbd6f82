"""A package on disk, read once and never imported: what it says of itself, its code, and its recorded verdicts."""
