"""A module for each command, named like it, and what several of them share."""
