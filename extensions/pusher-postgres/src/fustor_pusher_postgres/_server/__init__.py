"""The server: how it is reached, and which of its faults pass by themselves.

- `errors`: faults, classed by what the caller does next
- `connection`: where the server is, how a session is set, and connections that are kept for the next push
"""
