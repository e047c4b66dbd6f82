"""Drivers in other processes: scripts that run there, and how they are asked."""
