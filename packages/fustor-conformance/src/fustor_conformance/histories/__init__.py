"""Histories: a source and its World are driven together, step by step, and the host's view is judged by the World.

`engine` draws, runs, shrinks and replays; `changes` are the World's steps, `host`, `audits` and `readers` the host's;
`faults` are what the World can break meanwhile. `seeds` are the histories that every run begins with, so that each
ability is met at least once whatever is drawn.
"""
