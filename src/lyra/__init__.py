"""lyra: the standard error of a clustered experiment, and the proof that it can be trusted."""

from typing import TYPE_CHECKING, Any

from lyra.version import __version__

if TYPE_CHECKING:
    from lyra.certificate import Certificate
    from lyra.engine import RegressorWorld, World
    from lyra.harness import certify
    from lyra.moments import Moments
    from lyra.planning import PowerAnalysis, power
    from lyra.regression import Regression, fit, fit_moments

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
    """Load a public name or module when it is first used: `import lyra` itself loads nothing."""
    from importlib import import_module
    from importlib.util import find_spec

    if name in _HOMES:
        return getattr(import_module(f"lyra.{_HOMES[name]}"), name)
    if not name.startswith("_") and find_spec(f"lyra.{name}") is not None:
        return import_module(f"lyra.{name}")
    raise AttributeError(f"module 'lyra' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
