"""The ladder with exact sizes: what is listed for few clusters, for many, and for very many."""

from __future__ import annotations

import numpy as np
import pytest

from lyra.errors import InputError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.exact import effort
from lyra.robust.exact.family import Family
from lyra.robust.exact.lines import exact_lines
from lyra.verdict.ladder import climb
from lyra.verdict.sized import sized_ladder


def a_fit(G=12, rows=4, seed=7):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(G), rows)
    X = np.column_stack([np.ones(g.size), g % 2, rng.normal(size=g.size)])
    y = rng.normal(size=G)[g] + rng.normal(size=g.size)
    return least_squares(Moments.from_arrays(y, X, g, names=["Intercept", "t", "x"]))


FIT = a_fit()


def ladder(methods=None, *, fit=FIT, level=0.95, tolerance=1.0, family=None):
    asked = Family() if family is None else family
    return sized_ladder(fit, 1, methods=methods, level=level, family=asked, tolerance=tolerance)


def methods_of(found):
    return [rung.method for rung in found.rungs]


def test_textbook_lines_are_those_without_sizes_and_stars_follow():
    plain, found = climb(FIT, 1), ladder()
    assert found.rungs[:4] == plain.rungs
    assert methods_of(found)[4:] == ["CV2*", "CV3*", "CV1*", "R1*"]
    assert list(found.judged) == methods_of(found)
    assert all(judged.exact for judged in found.judged.values())
    assert found.exact.family == Family()


def test_sizes_and_critical_values_are_those_of_the_level():
    for level in (0.9, 0.99):
        found = ladder(level=level)
        assert found.exact.alpha == pytest.approx(1.0 - level)
        alone = exact_lines(
            FIT, 1, textbook={"CV3": ("CV3", "G-1")}, starred=("CV1",), family=Family(), alpha=found.exact.alpha
        )
        assert found.judged["CV3"].worst == alone["CV3"].size.value
        assert found["CV1*"].law == f"c* {alone['CV1*'].critical_value:.4g}"


def test_a_wider_family_has_larger_sizes():
    for method in ("iid", "CV1", "CV2", "CV3"):
        sizes = [
            ladder(family=Family(arms=arms, icc_max=icc)).judged[method].worst for arms, icc in ((1, 0.1), (4, 0.7))
        ]
        assert sizes[0] < sizes[1]


def test_a_line_without_an_exact_size_is_shown_without_one():
    found = ladder(["HC3", "CV3"])
    assert methods_of(found) == ["HC3", "CV3"]
    assert list(found.judged) == ["CV3"]
    assert found.verdicts[0] == "-"
    only = ladder(["HC3"])
    assert (only.exact, dict(only.judged)) == (None, {})


def test_among_many_clusters_the_ends_of_the_family_are_listed_and_cv3_is_calibrated(monkeypatch):
    monkeypatch.setattr(effort, "MANY_CLUSTERS", 11)
    found = ladder()
    assert methods_of(found) == ["iid", "CV1", "CV2", "CV3", "CV3*"]
    assert found.exact.family == Family().coarse()
    assert methods_of(ladder(["CV1*"])) == ["CV1*"]
    monkeypatch.setattr(effort, "MANY_CLUSTERS", 12)
    assert ladder().exact.family == Family()


def test_beyond_the_most_clusters_there_are_no_exact_sizes(monkeypatch):
    monkeypatch.setattr(effort, "MOST_CLUSTERS", 11)
    found = ladder()
    assert methods_of(found) == ["iid", "CV1", "CV2", "CV3"]
    assert (found.exact, dict(found.judged)) == (None, {})
    assert found.advice.reason.endswith("This is by rule, without a certificate.")
    assert "Sizes:" not in str(found)


@pytest.mark.parametrize(("line", "instead"), [("CV2*", "CV2"), ("R1*", "CV3")])
def test_a_calibrated_line_beyond_the_most_clusters_is_refused(monkeypatch, line, instead):
    monkeypatch.setattr(effort, "MOST_CLUSTERS", 11)
    with pytest.raises(InputError) as refused:
        ladder(["CV1", line])
    assert str(refused.value) == (f"{line} is calibrated for up to 11 clusters, and there are 12: ask for {instead}.")


def test_many_columns_are_as_many_clusters(monkeypatch):
    monkeypatch.setattr(effort, "MANY_NUMBERS", FIT.G * FIT.K**2 - 1)
    assert ladder().exact.family == Family().coarse()
    monkeypatch.setattr(effort, "MOST_NUMBERS", FIT.G * FIT.K**2 - 1)
    assert ladder().exact is None
    with pytest.raises(InputError) as refused:
        ladder(["CV3*"])
    most, there = f"{FIT.G * FIT.K**2 - 1:,}", f"{FIT.G * FIT.K**2:,}"
    assert str(refused.value) == (
        f"CV3* is calibrated for up to {most} clusters times squared columns, and there are {there}: ask for CV3."
    )


def test_ten_thousand_clusters_are_the_most():
    assert (effort.MANY_CLUSTERS, effort.MOST_CLUSTERS) == (1_000, 10_000)


def test_the_worlds_are_told_once_with_the_sizes():
    found = ladder()
    assert found.facts[-1] == (
        "Worst sizes: the largest share of true nulls that a line flags in any of these worlds, computed exactly. "
        f"{found.exact.words}"
    )
    told = found.to_dict()
    assert told["diagnostics"]["family"] == found.exact.words
    for line in told["ladder"]:
        judged = found.judged[line["method"]]
        assert (line["size"], line["worst"], line["exact"]) == (judged.size, judged.worst, True)
        assert line["set_by"] == judged.set_by
