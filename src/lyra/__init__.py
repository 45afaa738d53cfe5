"""lyra: the standard error of a clustered experiment, and the proof that it can be trusted."""

__version__ = "0.1.0"

__all__ = ["__version__"]
