"""lyra: the standard error of a clustered experiment, and the proof that it can be trusted."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lyra.certificate import Certificate
    from lyra.engine import RegressorWorld, World
    from lyra.harness import certify
    from lyra.moments import Moments
    from lyra.planning import PowerAnalysis, power
    from lyra.regression import Regression, fit, fit_moments

__version__ = "0.1.0"

__all__ = [
    "Certificate",
    "Moments",
    "PowerAnalysis",
    "Regression",
    "RegressorWorld",
    "World",
    "__version__",
    "certify",
    "fit",
    "fit_moments",
    "power",
]

_HOMES = {
    "Certificate": "certificate",
    "Moments": "moments",
    "PowerAnalysis": "planning",
    "Regression": "regression",
    "RegressorWorld": "engine",
    "World": "engine",
    "certify": "harness",
    "fit": "regression",
    "fit_moments": "regression",
    "power": "planning",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that the command line answers --help without numpy."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'lyra' has no attribute {name!r}")
    return getattr(import_module(f"lyra.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
