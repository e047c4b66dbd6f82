"""What is here for its speed. Nothing here knows a table, a value or a change: lines, bytes and templates only.

- `copier`: the lines of COPY as frames of a thousand; also a process of its own, on another core
- `copying`: such frames, written by a thread of this process or by the other one, one after the other
- `making`: functions made for one table, that build its rows and its events
"""
