"""The same for many plain rows at once, at the speed of COPY."""
