"""Tables as they are at one moment."""
