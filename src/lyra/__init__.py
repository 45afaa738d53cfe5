"""lyra: the standard error of a clustered experiment, and the proof that it can be trusted."""

from lyra.moments import Moments

__version__ = "0.1.0"

__all__ = ["Moments", "__version__"]
