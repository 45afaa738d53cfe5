"""The quick certificate of a fit: what `lyra fit` shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.certifying import certified
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.verdict.quick import on_sums, quick_budget

RNG = np.random.default_rng(20_283)
G = np.repeat(np.arange(14), 5)
FRAME = pd.DataFrame({"y": RNG.normal(size=14)[G] + RNG.normal(size=70), "treat": G % 2, "g": G})
REG = lyra.fit("y ~ treat", FRAME, clusters="g")


def test_the_estimate_and_the_upper_end_are_tried():
    icc = diagnose(REG.fit).icc
    assert quick_budget(REG.fit)["icc"] == [icc.estimate, icc.conf_int(0.95)[1]]


def test_what_is_asked_for_stands():
    assert quick_budget(REG.fit, icc=0.2, maximum=1_500) == {"icc": 0.2, "maximum": 1_500}


def test_a_larger_design_is_given_fewer_replicates():
    more = {f"x{j}": RNG.normal(size=70) for j in range(40)}
    wide = lyra.fit(f"y ~ treat + {' + '.join(more)}", FRAME.assign(**more), clusters="g").fit
    assert 500 <= quick_budget(wide)["maximum"] < quick_budget(REG.fit)["maximum"] == 32_000


@pytest.mark.parametrize("seed", [0, 7])
def test_it_is_the_certificate_beside_the_lines(seed):
    quick = REG.certify(quick=True, seed=seed)
    beside = certified(REG.fit, REG.ladder(), seed=seed)
    assert beside.judged == REG.ladder().with_certificate(quick).judged
    budget = quick_budget(REG.fit)
    assert quick.digest == REG.certify("treat", seed=seed, **budget).digest


def test_lines_that_need_rows_are_left_out_of_it():
    assert on_sums(["HC1", "HC3", "CV1", "WCR-11", "CV3J"]) == ["CV1", "WCR-11", "CV3J"]
    rows = REG.ladder(methods=["HC1"])
    assert certified(REG.fit, rows) is rows
