"""The template: what it is asked, how it is rendered, every version it had, and what a package records of it."""
