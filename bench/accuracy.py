"""The worst relative error of every coefficient, standard error and degree of freedom, against 150 digits.

Designs that cost digits, with statsmodels and pyfixest beside lyra. Exits with 1 when a number of lyra's is neither
within 1e-15 times the condition of the scaled columns plus 1e-13, nor warned of.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

from lyra.errors import LyraWarning
from lyra.se import cluster_robust

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "theorems"))

from sixty_digits import Truth, truth
from stress import Stress, stresses

VARIANTS = ("CV0", "CV1", "CV2", "CV3")
HEADS = ("coef", *(f"{what}({variant})" for variant in VARIANTS for what in ("se", "dof")))


def gap(ours: np.ndarray, theirs: np.ndarray, least: np.ndarray | float = 0.0) -> float:
    """Return the largest relative error; that of an estimate near zero is relative to its standard error."""
    if len(ours) != len(theirs):
        return np.nan
    with np.errstate(all="ignore"):
        return float(np.max(np.abs(np.asarray(ours) - theirs) / np.maximum(np.abs(theirs), least)))


def lyra(stress: Stress, right: Truth) -> tuple[list[float], set[str], bool]:
    """Return the errors, the warnings, and whether any is not the user's to read."""
    errors, told, foreign = [], set(), False
    for variant in VARIANTS:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            res = cluster_robust(stress.y, stress.X, clusters=stress.clusters, variant=variant, dof="satterthwaite")
        told |= {each.category.__name__ for each in caught}
        foreign |= any(not issubclass(each.category, LyraWarning) for each in caught)
        if variant == "CV0":
            errors.append(gap(res.coef, right.coef, right.se["CV1"]))
        errors += [gap(res.se, right.se[variant]), gap(res.dof, right.dof[variant])]
    return errors, told, foreign


def statsmodels(stress: Stress, right: Truth, X: np.ndarray) -> tuple[float, float]:
    import statsmodels.api as sm

    fit = sm.OLS(stress.y, X).fit(cov_type="cluster", cov_kwds={"groups": stress.clusters})
    return gap(fit.params, right.coef, right.se["CV1"]), gap(fit.bse, right.se["CV1"])


def pyfixest(stress: Stress, right: Truth, X: np.ndarray) -> tuple[float, float]:
    import pandas as pd
    import pyfixest as pf

    names = [f"x{j}" for j in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=names).assign(y=stress.y, g=stress.clusters)
    fit = pf.feols(f"y ~ 0 + {' + '.join(names)}", data=frame, vcov={"CRV1": "g"})
    return gap(fit.coef().to_numpy(), right.coef, right.se["CV1"]), gap(fit.se().to_numpy(), right.se["CV1"])


def peer(what, *args) -> tuple[float, float]:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return what(*args)
    except Exception:  # noqa: BLE001  whatever a peer raises, it gave no number
        return np.nan, np.nan


def main() -> None:
    peers = [] if "--without-peers" in sys.argv else [statsmodels, pyfixest]
    heads = [*HEADS, *(f"{each.__name__[:8]} {what}" for each in peers for what in ("coef", "CV1"))]
    print(f"{'':40} {'bound':>7} " + " ".join(f"{head:>13}" for head in heads))
    missed = 0
    for stress in stresses():
        X = stress.X if stress.kept is None else stress.X[:, list(stress.kept)]
        right = truth(stress.y, X, stress.clusters)
        errors, told, foreign = lyra(stress, right)
        beside = [error for each in peers for error in peer(each, stress, right, X)]
        bound = 1e-15 * stress.condition + 1e-13
        digits_told = told & {"ConditionWarning"} or (np.isnan(errors).any() and "DroppedColumnsWarning" in told)
        kept = not foreign and (all(error <= bound for error in errors) or bool(digits_told))
        missed += not kept
        cells = " ".join(f"{error:13.0e}" for error in (*errors, *beside))
        print(f"{stress.name:40} {bound:7.0e} {cells} {'' if kept else 'MISSED'} {', '.join(sorted(told))}")
    print(f"{missed} designs are neither within the bound nor warned of")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
