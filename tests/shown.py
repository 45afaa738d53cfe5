"""A ladder of twelve shops, judged and not, and what a terminal of a width shows of a page."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console

import lyra


def shops(scale=1.0):
    rng = np.random.default_rng(20274)
    g = np.repeat(np.arange(12), 5)
    y = scale * (rng.normal(size=12)[g] + rng.normal(size=60))
    X = np.column_stack([np.ones(60), g % 2])
    return lyra.fit_moments(lyra.Moments.from_arrays(y, X, g, names=["Intercept", "treat"]))


REG = shops()


LADDER = REG.ladder("treat").with_bootstrap(REG.bootstrap("treat", weights="rademacher"))


JUDGED = LADDER.with_certificate(REG.certify("treat", methods=["iid", "CV1", "CV2"], icc=[0.0, 0.2], maximum=500))


def lines(page, width):
    file = io.StringIO()
    console = Console(file=file, width=width)
    for part in page:
        console.print(part)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def whole(page, width):
    return "\n".join(lines(page, width))
