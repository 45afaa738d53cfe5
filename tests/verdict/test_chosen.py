"""Which line is read by exact sizes: the most powerful that holds its level; nothing of the outcome, and never iid."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import lyra
from dangers import clustered
from lyra.errors import UnidentifiedWarning
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.exact.family import Family
from lyra.verdict.chosen import chosen, sized_in_order
from lyra.verdict.judged import Judged
from lyra.verdict.sized import sized_ladder

ORDER = ("CV2", "CV3", "WCR-11", "CV1")
STARRED = ("CV2*", "CV3*", "CV1*", "R1*")


def design(name):
    """Return X (N, 3) and clusters: two arms, a varying treatment, or one of each size."""
    sizes = {"arms": [8] * 14, "varying": [6] * 10, "unequal": [3, 4, 5, 30, 6, 4, 3, 8, 12, 5, 4, 3]}[name]
    rng = np.random.default_rng(20_410)
    g = np.repeat(np.arange(len(sizes)), sizes)
    t = rng.random(g.size) < 0.5 if name == "varying" else g < len(sizes) // 3
    return np.column_stack([np.ones(g.size), t, rng.normal(size=g.size)]).astype(float), g


def ladder_of(y, X, g, *, names=("Intercept", "t", "x"), methods=None, **asked):
    fit = least_squares(Moments.from_arrays(y, X, g, names=list(names)))
    asked = {"level": 0.95, "family": Family(), "tolerance": 1.0} | asked
    return sized_ladder(fit, 1, methods=methods, **asked)


def outcome(g, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=g.max() + 1)[g] + rng.normal(size=g.size)


# --- the outcome, the order of clusters and units are not looked at -------------------------------


@pytest.mark.parametrize("name", ["arms", "varying", "unequal"])
def test_ten_outcomes_of_one_design_have_one_line_to_read(name):
    X, g = design(name)
    rng, few = np.random.default_rng(20_411), Family(slopes=(0.6,))
    y = [outcome(g, seed) for seed in range(6)]
    y += [rng.exponential(size=g.size), rng.random(g.size) < 0.3, 5.0 * X[:, 1] + outcome(g), np.exp(3 * outcome(g))]
    told = {
        (ladder.advice.method, ladder.advice.reason) for ladder in (ladder_of(v * 1.0, X, g, family=few) for v in y)
    }
    assert len(told) == 1
    assert told.pop()[0] is not None


@pytest.mark.parametrize("name", ["arms", "varying", "unequal"])
def test_neither_the_order_of_clusters_nor_units_matter(name):
    X, g = design(name)
    y = outcome(g)
    first = ladder_of(y, X, g)
    new = np.random.default_rng(3).permutation(g.max() + 1)[g]
    rows = np.argsort(new, kind="stable")
    for other in (
        ladder_of(y[rows], X[rows], new[rows]),
        ladder_of(1e6 * y + 3.0, X * [1.0, 1e-3, 50.0], g),
    ):
        assert other.advice.method == first.advice.method
        for method, judged in first.judged.items():
            assert other.judged[method].size == pytest.approx(judged.size, rel=1e-7)
            assert other.judged[method].power == pytest.approx(judged.power, rel=1e-7, nan_ok=True)


# --- which one ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tolerance", [1.0, 1.25])
@pytest.mark.parametrize("name", ["arms", "varying", "unequal"])
def test_no_line_that_holds_its_level_has_more_power_but_for_a_point_and_it_is_the_first(name, tolerance):
    X, g = design(name)
    ladder = ladder_of(outcome(g), X, g, tolerance=tolerance)
    holding = {
        method: judged.power
        for method, judged in ladder.judged.items()
        if method != "iid"
        and 0.0 < judged.worst <= tolerance * 0.05 * (1 + 1e-6)
        and ladder.exact[method].always_bounded
    }
    order = [method for method in (*ORDER, *STARRED) if method in holding]
    best = next(method for method in order if holding[method] >= max(holding.values()) - 0.01)
    assert ladder.advice.method == best


@pytest.mark.parametrize("name", ["arms", "varying", "unequal"])
def test_who_tolerates_more_has_no_less_power(name):
    """But for the percentage point within which lines are tied."""
    X, g = design(name)
    strict, tolerant = (ladder_of(outcome(g), X, g, tolerance=most) for most in (1.0, 1.25))
    power = [ladder.judged[ladder.advice.method].power for ladder in (strict, tolerant)]
    assert power[1] >= power[0] - 0.01


def judged(size, power, *, exact=True, verdict="certified"):
    return Judged(
        verdict=verdict,
        size=size,
        size_low=size,
        size_high=size,
        alpha=0.05,
        usable=True,
        exact=exact,
        worst=size if exact else np.nan,
        power=power,
    )


X, G = design("arms")
LADDER = ladder_of(outcome(G), X, G)


def with_sizes(**known):
    return replace(LADDER, judged={name.replace("_", "*"): judged(*of) for name, of in known.items()})


@pytest.mark.parametrize(
    ("known", "read"),
    [
        ({"CV2": (0.05, 0.6), "CV3": (0.04, 0.61), "CV1_": (0.05, 0.609)}, "CV2"),  # ties: the first
        ({"CV2": (0.05, 0.6), "CV3": (0.04, 0.62), "CV1_": (0.05, 0.609)}, "CV3"),
        ({"CV2": (0.051, 0.9), "CV3": (0.04, 0.6), "CV1_": (0.05, 0.65)}, "CV1*"),  # too large
        ({"CV1_": (0.05, 0.6), "CV2_": (0.05, 0.6), "R1_": (0.05, 0.6)}, "CV2*"),
        ({"iid": (0.05, 0.9), "CV3": (0.05, 0.3)}, "CV3"),
        ({"iid": (0.05, 0.9)}, None),
        ({"CV3": (0.0, 0.0), "CV1": (0.08, 0.9)}, None),
    ],
)
def test_the_line_follows_from_sizes_powers_and_one_order(known, read):
    assert chosen(with_sizes(**known), ORDER) == read


def test_a_line_whose_interval_may_have_no_end_is_read_where_there_is_no_other():
    lines = tuple(replace(line, always_bounded=line.name != "R1*") for line in LADDER.exact.lines)
    ladder = replace(with_sizes(CV2=(0.05, 0.4), R1_=(0.05, 0.9)), exact=replace(LADDER.exact, lines=lines))
    assert chosen(ladder, ORDER) == "CV2"
    assert chosen(replace(ladder, judged={"R1*": judged(0.05, 0.9)}), ORDER) == "R1*"


def test_a_line_without_an_answer_is_not_chosen():
    lost = tuple(replace(rung, p_value=np.nan) if rung.method == "CV2" else rung for rung in LADDER.rungs)
    ladder = replace(with_sizes(CV2=(0.05, 0.9), CV3=(0.05, 0.5)), rungs=lost)
    assert chosen(ladder, ORDER) == "CV3"
    assert sized_in_order(ladder, ORDER) == ["CV3"]


@pytest.mark.parametrize("sizes", [[1] * 11 + [2], [2] * 12])
def test_the_naive_line_is_never_read_where_a_cluster_holds_two_rows(sizes):
    table = clustered(sizes)
    D = np.column_stack([np.ones(len(table)), table.code % 2, table.x])
    for methods in (None, ["iid"], ["iid", "CV3*"]):
        for tolerance in (1.0, 10.0, 1e3):
            read = ladder_of(table.y, D, table.code, methods=methods, tolerance=tolerance).advice.method
            assert read != "iid"
            assert (read is None) == (methods == ["iid"])


# --- no line --------------------------------------------------------------------------------------


def test_where_no_line_holds_its_level_the_sizes_are_told():
    D, g = design("unequal")
    ladder = ladder_of(outcome(g), D, g, methods=["iid", "CV1", "CV2"])
    sizes = {method: known.worst for method, known in ladder.judged.items()}
    assert str(ladder.advice) == (
        "Read no line: none of these lines flags at most 5 % of true nulls in every world listed above (CV2 "
        f"{sizes['CV2']:.3f}, CV1 {sizes['CV1']:.3f}); ask for calibrated lines, such as CV3* and R1*."
    )


def test_a_simulated_naive_line_does_not_hide_that_no_line_holds():
    D, g = design("unequal")
    ladder = ladder_of(outcome(g), D, g, methods=["iid", "CV1"])
    simulated = replace(ladder, judged={**ladder.judged, "iid": judged(0.05, np.nan, exact=False)})
    assert simulated.advice.method is None
    assert simulated.advice.reason.startswith("none of these lines flags at most 5 % of true nulls")


def test_a_simulated_line_is_read_only_where_no_exact_one_holds():
    D, g = design("unequal")
    ladder = ladder_of(outcome(g), D, g, methods=["CV1"])
    boot = lyra.fit_moments(Moments.from_arrays(outcome(g), D, g, names=["Intercept", "t", "x"])).bootstrap("t", B=99)
    beside = ladder.with_bootstrap(boot)
    known = {**beside.judged, "WCR-11": judged(0.05, np.nan, exact=False)}
    assert replace(beside, judged=known).advice.method == "WCR-11"
    assert replace(beside, judged={**known, "CV1": judged(0.05, 0.1)}).advice.method == "CV1"


# --- the words ------------------------------------------------------------------------------------


def test_why_a_line_is_read():
    for tolerance, often in ((1.0, "5"), (1.25, "6.25")):
        ladder = ladder_of(outcome(G), X, G, tolerance=tolerance)
        read = ladder.advice.method
        told = (
            f"in every world listed above it flags a true null at most {often} % of the time, computed exactly, and no "
            f"line that does finds more but for a percentage point: {100 * ladder.judged[read].power:.0f} % of effects "
            "of 2.8 standard deviations of the estimate."
        )
        if read.endswith("*"):
            line = ladder.exact[read]
            told += f" Its critical value {line.critical_value:.4g} is set by: {line.size.words}."
        assert ladder.advice.reason.startswith(told)


def test_one_state_with_nearly_all_of_the_effect_has_a_line_to_read():
    """Quarters of twenty states, of which one takes something up half way: CV2 and CV3 have no estimate without it."""
    rng = np.random.default_rng(3)
    state, quarter = np.repeat(np.arange(20), 8), np.tile(np.arange(8), 20)
    treat = (state == 0) & (quarter >= 4)
    D = np.column_stack(
        [np.ones(160), treat, quarter[:, None] == np.arange(1, 8), state[:, None] == np.arange(1, 20)]
    ).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        ladder = ladder_of(
            rng.normal(size=20)[state] + rng.normal(size=160), D, state, names=[f"v{k}" for k in range(D.shape[1])]
        )
    assert ladder.advice.method in ("CV1*", "R1*")
    line = ladder[ladder.advice.method]
    assert np.isfinite([line.conf_low, line.conf_high]).all()
    assert "can hardly tell: one cluster carries" in ladder.advice.reason
