"""Every public result, made of one small experiment; mypy checks each against the protocol it speaks."""

from __future__ import annotations

import numpy as np

import lyra
from lyra.base.result import Coefficient, Result, Statistic
from lyra.designs import ByCluster, Switchback
from lyra.robust.exact.calibrated import calibrated_test
from lyra.robust.exact.family import Family
from lyra.se import cluster_robust, switchback_total_effect, wild_cluster_bootstrap
from lyra.verdict.judging import judge
from lyra.verdict.rule import Rule

G, SIZE = 12, 6
RNG = np.random.default_rng(20309)
CLUSTER = np.repeat(np.arange(G), SIZE)
X = np.column_stack([np.ones(G * SIZE), CLUSTER % 2, RNG.normal(size=G * SIZE)])
Y = RNG.normal(size=G)[CLUSTER] + RNG.normal(size=G * SIZE)
NAMES = ["Intercept", "treat", "x"]

REG = lyra.fit_moments(lyra.Moments.from_arrays(Y, X, CLUSTER, names=NAMES))
CERTIFICATE = REG.certify("treat", methods=["iid", "CV2"], icc=0.1, maximum=500)
BOOT = REG.bootstrap("treat", rng=1)
POWER = lyra.power(lyra.World(12), ByCluster(), replicates=200)
LADDER = REG.ladder("treat").with_bootstrap(BOOT).with_certificate(CERTIFICATE)

COEFFICIENTS: dict[str, Coefficient] = {
    "inference": REG.robust("CV2"),
    "inference of arrays": cluster_robust(Y, X, clusters=CLUSTER),
    "calibrated": REG.robust("CV2", law="calibrated"),
    "calibrated test": calibrated_test(REG.fit, 1, "R1", Family()),
    "bootstrap": BOOT,
    "bootstrap of arrays": wild_cluster_bootstrap(Y, X, clusters=CLUSTER, param=2, rng=1),
    "switchback": switchback_total_effect(
        Y,
        np.tile(np.repeat([0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0], 2), 3),
        window=np.arange(Y.size) % 24,
        clusters=np.arange(Y.size) // 24,
        design=Switchback(2),
        carryover=1,
        R=99,
        rng=1,
    ),
    "per cluster": REG.per_cluster_test("x"),
    "randomisation": REG.randomisation_test("treat"),
    "randomisation by the estimate": REG.randomisation_test("treat", statistic="beta"),
    "line": LADDER["CV2"],
    "line of a bootstrap": LADDER.rungs[-1],
}
"""What has a coefficient, or the K of a fit."""

TESTED: dict[str, Statistic] = {
    "joint": REG.robust("CV2").wald(["treat", "x"]),
    "joint, chi-square": REG.robust("CV1", dof="normal").wald(["treat", "x"]),
    "joint bootstrap": REG.bootstrap(["treat", "x"], rng=1),
    "level": REG.level_test(np.arange(G) // 3, term="x"),
}
"""What has a null and no coefficient of its own."""

OTHERS: dict[str, Result] = {
    "regression": REG,
    "ladder": LADDER,
    "diagnosis": REG.diagnose(),
    "intraclass correlation": REG.diagnose().icc,
    "certificate": CERTIFICATE,
    "row of a certificate": CERTIFICATE.rows[0],
    "verdict": judge(65, 500, Rule()),
    "power": POWER,
    "power by the formula": POWER.closed_form,
}

RESULTS: dict[str, Result] = {**COEFFICIENTS, **TESTED, **OTHERS}
