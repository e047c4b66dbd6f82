"""Pushers against a model of the contract: histories, what must be stored after them, and what is there."""
