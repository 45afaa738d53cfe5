"""The quick certificate of a fit: what `lyra fit` shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.certifying import certified
from lyra.verdict.ladder import climb
from lyra.verdict.quick import on_sums, quick_maximum

RNG = np.random.default_rng(20_283)
G = np.repeat(np.arange(14), 5)
FRAME = pd.DataFrame({"y": RNG.normal(size=14)[G] + RNG.normal(size=70), "treat": G % 2, "g": G})
REG = lyra.fit("y ~ treat", FRAME, clusters="g")


def test_a_larger_design_is_given_fewer_replicates():
    more = {f"x{j}": RNG.normal(size=70) for j in range(40)}
    wide = lyra.fit(f"y ~ treat + {' + '.join(more)}", FRAME.assign(**more), clusters="g").fit
    assert 500 <= quick_maximum(wide) < quick_maximum(REG.fit) == 32_000


@pytest.mark.parametrize("seed", [0, 7])
def test_it_is_the_certificate_beside_the_lines_that_have_no_exact_size(seed):
    lines = ["CV2", "WCR-11"]
    plain = climb(REG.fit, 1, methods=("CV2",)).with_bootstrap(REG.bootstrap("treat", B=99, rng=1))
    quick = REG.certify("treat", methods=lines, quick=True, seed=seed)
    assert certified(REG.fit, plain, seed=seed).judged == plain.with_certificate(quick).judged
    assert quick.digest == REG.certify("treat", methods=lines, seed=seed, maximum=quick_maximum(REG.fit)).digest


def test_a_line_with_an_exact_size_is_not_simulated():
    ladder = REG.ladder()
    assert certified(REG.fit, ladder) is ladder


def test_lines_that_need_rows_are_left_out_of_it():
    assert on_sums(["HC1", "HC3", "CV1", "WCR-11", "CV3J"]) == ["CV1", "WCR-11", "CV3J"]
    rows = climb(REG.fit, 1, methods=("HC1",))
    assert certified(REG.fit, rows) is rows
