"""The power of a fit by an integral: against replicates, the non-central t, and its own draws."""

from __future__ import annotations

import numpy as np
import pytest

import lyra
from lyra.designs import ByCluster
from lyra.errors import InputError
from lyra.simulation.from_fit import ModelSource
from lyra.verdict.closed_form import ClosedForm
from lyra.verdict.detection import drawn
from lyra.verdict.exact_detection import seen_exactly
from lyra.verdict.wanted import Wanted

EFFECTS = (0.0, 0.2, 0.4, 0.7)


def design(G, treated, *, sizes=(6, 7), seed=0, covariate=False):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(G), rng.integers(*sizes, G))
    columns = [np.ones(g.size), g < treated, *([rng.normal(size=g.size)] if covariate else [])]
    y = 0.4 * rng.normal(size=G)[g] + rng.normal(size=g.size)
    names = ["Intercept", "treat", "x"][: len(columns)]
    return lyra.fit_moments(lyra.Moments.from_arrays(y, np.column_stack(columns), g, names=names))


def wanted(method, **said):
    usual = {"effect": None, "target": 0.8, "alpha": 0.05, "weights": "auto", "seed": 3, "replicates": 4_000}
    return Wanted(**{**usual, "method": method, **said})


UNEQUAL = ModelSource(design(12, 4, sizes=(2, 20), covariate=True).fit, 1, 0.1)


@pytest.mark.parametrize("method", ["CV0", "CV1", "CV2", "CV3", "CV3J"])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_integral_agrees_with_replicates(method, alpha):
    """4,000 of them, 4 Monte-Carlo errors allowed at each of four effects; the seed is fixed."""
    asked = wanted(method, alpha=alpha)
    exact, simulated = seen_exactly(UNEQUAL, asked), drawn(UNEQUAL, asked)
    assert exact.scale == pytest.approx(simulated.scale, rel=0.05)
    for effect in EFFECTS:
        p = exact.power(effect)
        assert abs(p - simulated.power(effect)) < 4 * np.sqrt(p * (1 - p) / 4_000) + 1e-9


@pytest.mark.parametrize("method", ["CV1", "CV3J", "CV1*", "CV2*", "CV3*", "R1*"])
def test_the_draws_of_a_line_are_those_its_integral_is_of(method):
    """4,000 draws, 4 Monte-Carlo errors allowed at each of four effects; the seed is fixed."""
    exact = seen_exactly(UNEQUAL, wanted(method))
    for effect in EFFECTS:
        estimate, seen = exact.at(effect)
        p = exact.power(effect)
        assert abs(p - seen.mean()) < 4 * np.sqrt(p * (1 - p) / 4_000) + 1e-9
        assert abs(estimate.mean() - effect) < 4 * exact.scale / np.sqrt(4_000)
        assert estimate.std() == pytest.approx(exact.scale, rel=0.06)


def test_two_equal_arms_are_planned_by_the_non_central_t():
    """CV2 of two equal arms of equal clusters is the pooled variance: t(G − 2), whatever the correlation."""
    fit = design(14, 7)
    plan = lyra.power(fit, method="CV2", effect=0.6)
    pooled = ClosedForm(**{**vars_of(plan.closed_form), "dof": 12})
    assert plan.mde == pytest.approx(pooled.mde, rel=1e-7)
    assert plan.mde_interval == pytest.approx(pooled.mde_interval, rel=1e-7)
    assert plan.effect_power == pytest.approx(pooled.power(0.6), abs=1e-7)
    assert plan.power == pytest.approx([pooled.power(effect) for effect in plan.effects], abs=1e-7)
    assert plan.mc_error == (0.0,) * 11
    assert plan.notes == ("Clusters needed are by the formula: new ones are taken to be like these.",)
    assert "at alpha 0.05, by an exact integral" in str(plan)
    assert f"({plan.mde_interval[0]:.4g} to {plan.mde_interval[1]:.4g} over the ICC's interval)" in str(plan)


def vars_of(form):
    return {name: getattr(form, name) for name in form.__dataclass_fields__}


@pytest.mark.parametrize("method", ["CV1", "R1*"])
def test_no_seed_moves_power_and_the_root_is_a_root(method):
    fit = design(10, 3, sizes=(3, 9))
    first, second = (lyra.power(fit, method=method, seed=seed, effect=-0.5, replicates=200) for seed in (1, 2))
    assert first.mde < 0 < first.effect_power
    assert (first.power, first.mde, first.mde_interval) == (second.power, second.mde, second.mde_interval)
    assert lyra.power(fit, method=method, effect=first.mde).effect_power == pytest.approx(0.8, abs=1e-7)
    assert first.integral
    assert first.exact


def test_the_advised_line_is_planned_with_and_another_is_warned_of():
    fit = design(50, 2)
    advised = lyra.power(fit, icc=0.05)
    assert advised.method == "CV1*"
    assert advised.power[0] <= 0.05 + 1e-9
    assert advised.notes == ()
    other = lyra.power(fit, icc=0.05, method="CV1")
    size = fit.size("treat", "CV1", icc=0.05)
    assert other.power[0] == pytest.approx(size, abs=1e-9)
    assert other.notes == (
        f"CV1 rejects a true null {100 * size:.3g} % of the time here: its power is not comparable.",
    )
    assert size > 0.2


def test_what_has_no_integral_is_simulated():
    plan = lyra.power(design(10, 5), method="WCU-11", weights="webb", replicates=500)
    assert not plan.integral
    assert "500 replicates" in str(plan)


def test_a_calibrated_line_needs_columns_that_stay():
    with pytest.raises(InputError) as told:
        lyra.power(lyra.World(12), ByCluster(), method="CV3*")
    assert str(told.value) == (
        "method 'CV3*' is calibrated on columns and clusters, and here they are drawn: pass a fit of the design, or a "
        "line that is not calibrated."
    )
