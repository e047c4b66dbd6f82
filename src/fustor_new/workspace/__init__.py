"""What a uv workspace is, what belongs to it, and the edits of its root file."""
