"""A configuration file from a conversation.

`questions` are a driver's own, a `draft` is its entry as far as it is known, and the `document` is what is written.
"""
