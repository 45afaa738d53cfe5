"""lyra: the standard error of a clustered experiment, and the proof that it can be trusted."""

from typing import TYPE_CHECKING, Any

from lyra.version import __version__

if TYPE_CHECKING:
    from lyra.certifying import certify
    from lyra.fitted import Regression
    from lyra.fitting import fit, fit_moments
    from lyra.moments.moments import Moments
    from lyra.planning import power
    from lyra.simulation.regressor_world import RegressorWorld
    from lyra.simulation.world import World
    from lyra.verdict.certificate import Certificate
    from lyra.verdict.power import PowerAnalysis

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
    "Certificate": "verdict.certificate",
    "Moments": "moments.moments",
    "PowerAnalysis": "verdict.power",
    "Regression": "fitted",
    "RegressorWorld": "simulation.regressor_world",
    "World": "simulation.world",
    "certify": "certifying",
    "fit": "fitting",
    "fit_moments": "fitting",
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
