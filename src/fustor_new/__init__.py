"""Create, register and test Fustor drivers."""

__all__ = ["__version__"]

__version__ = "1.1.0"
