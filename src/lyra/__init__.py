"""lyra: the standard error of a clustered experiment, and the proof that it can be trusted."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lyra.moments import Moments
    from lyra.regression import Regression, fit, fit_moments

__version__ = "0.1.0"

__all__ = ["Moments", "Regression", "__version__", "fit", "fit_moments"]

_HOMES = {"Moments": "moments", "Regression": "regression", "fit": "regression", "fit_moments": "regression"}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that the command line answers --help without numpy."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'lyra' has no attribute {name!r}")
    return getattr(import_module(f"lyra.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
