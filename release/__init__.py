"""A release of every distribution of this repository in one command, which needs no forge.

`uv run python -m release 1.2.0` does it; `uv run python -m release --rehearse` does the same in a temporary clone,
which it throws away. From below to above:

- `errors`, `programs`: what stops a release, and how programs are run
- `projects`: the distributions of a tree, their versions and the pins of what they need
- `changelog`, `versions`: what a release writes into the tree
- `clone`: the tree that it is written into, and how its commit and tag come back
- `building`, `metadata`: the files that are published, and what they say of themselves
- `index`, `serving`: an index of them, as pages that any web server serves
- `alone`, `probe`: each distribution, installed from that index into an environment of its own, and what is tried there
- `steps`: all of it, in order
"""
