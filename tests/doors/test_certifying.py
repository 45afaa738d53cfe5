"""lyra.certify: a world, a table or a fit; what it takes, what it refuses, and one digest however it is run."""

from __future__ import annotations

import warnings
from itertools import combinations, product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.designs import ByCluster, ByUser, Pairs, Stratified, Switchback
from lyra.errors import DataError, FinerClustersWarning, InputError
from lyra.se import cluster_robust
from lyra.simulation.analysis import Analysis
from lyra.simulation.samples import Sample, Truth
from lyra.verdict.certificate import Certificate

SMALL = lyra.World(12, cluster_size=5)


def shops(G: int = 6, *, seed: int = 20269) -> pd.DataFrame:
    """Shops of unequal size, two to a pair, an outcome with a shop effect, and a covariate."""
    rng = np.random.default_rng(seed)
    shop = np.repeat(np.arange(G), 3 + np.arange(G) % 4)
    y = rng.normal(size=G)[shop] + rng.normal(size=shop.size)
    return pd.DataFrame({"y": y, "x": rng.normal(size=shop.size), "shop": shop, "twin": shop // 2})


FRAME = shops()
OWN = {"outcome": "y", "cluster": "shop"}

# --- own data, every assignment -----------------------------------------------------------------


def by_hand(treated_sets, method, covariates, by):
    """Return the p-value of each assignment, fitted to the rows."""
    found = []
    for treated in treated_sets:
        columns = [np.ones(len(FRAME)), *(FRAME[name] for name in covariates), FRAME["shop"].isin(treated)]
        res = cluster_robust(FRAME["y"], np.column_stack(columns).astype(float), clusters=FRAME[by], variant=method)
        found.append(res.pvalue[-1])
    return np.array(found)


BALANCED = list(combinations(range(6), 3))
PAIRED = list(product((0, 1), (2, 3), (4, 5)))


@pytest.mark.parametrize(
    ("design", "treated_sets", "columns", "by"),
    [
        (ByCluster(), BALANCED, {}, "shop"),
        (ByCluster(), BALANCED, {"covariates": ["x"]}, "shop"),
        (Pairs(), PAIRED, {"stratum": "twin", "cluster_by": "unit"}, "twin"),
        (Stratified(), PAIRED, {"stratum": "twin"}, "shop"),
    ],
)
def test_every_assignment_is_tried_where_there_are_few(design, treated_sets, columns, by):
    """No arm ever holds one cluster alone, so every method has a p-value in every assignment."""
    methods = ["iid", "CV1", "CV2", "CV3"]
    cert = lyra.certify(FRAME, design, methods=methods, alpha=0.2, **OWN, **columns)
    for row in cert.rows:
        pvalues = by_hand(treated_sets, row.method, columns.get("covariates", ()), by)
        assert np.abs(pvalues - 0.2).min() > 1e-6  # no tie decides
        assert row.replicates == len(treated_sets)
        assert row.rejections == (pvalues <= 0.2).sum()
        assert row.size == row.size_low == row.size_high == row.rejections / row.replicates
        held = "certified" if row.rejections else "never rejects"
        assert row.verdict == (held if row.size <= 0.25 else "uncertified")


def test_an_exact_certificate_has_no_seed_in_its_digest():
    first, second = (lyra.certify(FRAME, ByCluster(), methods=["CV1"], seed=seed, **OWN) for seed in (1, 2))
    assert first.digest == second.digest


# --- what is recorded ---------------------------------------------------------------------------


def test_a_table_is_recorded():
    holed = FRAME.assign(x=FRAME["x"].where(FRAME.index > 1))
    with pytest.warns(lyra.errors.DroppedRowsWarning, match="2 of 25 rows"):
        cert = lyra.certify(holed, ByCluster(), methods=["CV1"], covariates=["x"], seed=3, **OWN)
    assert {key: cert.data[key] for key in ("rows", "clusters", "dropped_rows")} == {
        "rows": 23,
        "clusters": 6,
        "dropped_rows": 2,
    }
    assert cert.config == {
        "source": "own data",
        "designs": {"kind": "ByCluster"},
        "cluster_by": "cluster",
        "weights": "auto",
        "cluster": "shop",
        "covariates": ["x"],
        "outcome": "y",
        "methods": ["CV1"],
        "alpha": 0.05,
        "tolerance": 1.25,
        "seed": 3,
        "first": 500,
        "maximum": None,
    }
    assert "Data: own data, 23 rows (2 left out for a missing value) in 6 clusters" in str(cert).splitlines()


def test_the_fingerprint_is_of_the_numbers():
    first = lyra.certify(FRAME, ByCluster(), methods=["CV1"], **OWN).data["sha256"]
    assert lyra.certify(FRAME.copy(), ByCluster(), methods=["CV1"], **OWN).data["sha256"] == first
    other = FRAME.assign(y=FRAME["y"].where(FRAME.index > 0, 0.5))
    assert lyra.certify(other, ByCluster(), methods=["CV1"], **OWN).data["sha256"] != first


def test_a_world_is_recorded_with_what_makes_it_and_no_more():
    cert = lyra.certify(lyra.World(12, windows=2), ByCluster(), methods=["CV1"], maximum=500)
    assert cert.config["source"] == {
        "kind": "World",
        "n_clusters": 12,
        "cluster_size": 35,
        "icc": 0.02,
        "windows": 2,
    }
    assert "Data: World(n_clusters=12, cluster_size=35, icc=0.02, windows=2)" in str(cert).splitlines()
    assert "Estimand: the coefficient of the treatment, truly zero" in str(cert).splitlines()


def test_worlds_of_a_grid_are_told_in_one_line():
    worlds = {f"G={G}": lyra.RegressorWorld(G, cluster_size=4) for G in (5, 9)}
    cert = lyra.certify(worlds, methods=["CV1"], maximum=500)
    assert cert.designs == ("G=5", "G=9")
    assert "Data: RegressorWorld(n_clusters=[5, 9], cluster_size=4)" in str(cert).splitlines()
    assert "Estimand: the coefficient of x, truly zero" in str(cert).splitlines()


def test_a_fit_is_recorded_and_names_its_term():
    reg = lyra.fit("y ~ x", FRAME, clusters="shop")
    cert = lyra.certify(reg, methods=["CV2"], maximum=500, icc=[0.0, 0.2])
    assert (cert.data["rows"], cert.data["clusters"]) == (25, 6)
    assert (cert.config["source"], cert.config["term"], cert.config["icc"]) == ("the fitted design", "x", [0.0, 0.2])
    assert cert.designs == ("the fitted design, ICC 0", "the fitted design, ICC 0.2")
    assert lyra.certify(reg.fit, methods=["CV2"], maximum=500, icc=[0.0, 0.2]).digest == cert.digest
    assert reg.certify(methods=["CV2"], maximum=500, icc=[0.0, 0.2]).digest == cert.digest


def test_a_term_of_a_fit_is_chosen_by_name():
    reg = lyra.fit("y ~ x + shop", FRAME, clusters="shop")
    named = [lyra.certify(reg, term=term, methods=["CV1"], maximum=500, icc=0.1) for term in ("x", "shop")]
    assert [cert.config["term"] for cert in named] == ["x", "shop"]
    assert named[0].digest != named[1].digest
    assert lyra.certify(reg, methods=["CV1"], maximum=500, icc=0.1).digest == named[0].digest  # not the intercept


# --- one digest ---------------------------------------------------------------------------------


def test_a_store_resumed_ends_in_the_same_digest(tmp_path):
    asked = {"methods": ["CV1", "WCR-11"], "seed": 5, "maximum": 1_000}
    plain = lyra.certify(SMALL, ByCluster(), **asked)
    path = tmp_path / "run.sqlite"

    def stop(done, total):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lyra.certify(SMALL, ByCluster(), store=path, progress=stop, **asked)
    told = []
    resumed = lyra.certify(
        SMALL, ByCluster(), store=path, progress=lambda done, total: told.append((done, total)), **asked
    )
    assert told[0] == (1, 1)  # of the first look, nothing is left to do
    assert resumed.digest == plain.digest
    assert resumed.to_dict() == plain.to_dict()


@pytest.mark.certify
def test_two_processes_give_the_digest_of_one():
    asked = {"methods": ["CV1", "WCR-11"], "seed": 5, "maximum": 1_000}
    certs = [lyra.certify(SMALL, ByCluster(), workers=workers, **asked) for workers in (1, 2)]
    assert certs[0].digest == certs[1].digest
    assert certs[0].to_dict() == certs[1].to_dict()


def test_a_certificate_written_is_read_back(tmp_path):
    cert = lyra.certify(SMALL, [ByCluster(), ByCluster(1)], methods=["iid", "CV3"], seed=5, maximum=500)
    cert.to_json(tmp_path / "kept.json")
    read = Certificate.from_json(tmp_path / "kept.json")
    assert read.to_dict() == cert.to_dict()
    assert str(read) == str(cert)


def test_a_certificate_that_cannot_be_written(tmp_path):
    cert = lyra.certify(SMALL, ByCluster(), methods=["iid"], maximum=500)
    with pytest.raises(DataError) as caught:
        cert.to_json(tmp_path / "none" / "kept.json")
    told = f"'{tmp_path / 'none' / 'kept.json'}' could not be written (No such file or directory): check the path."
    assert str(caught.value) == told


# --- the user's own -----------------------------------------------------------------------------


def by_library(y, X, clusters, rng):
    res = cluster_robust(y, X, clusters=clusters, variant="CV1")
    return SimpleNamespace(estimate=res.coef[-1], se=res.se[-1], pvalue=res.pvalue[-1])


@pytest.mark.parametrize(
    ("subject", "columns"), [(SMALL, {}), (shops(20), OWN | {"covariates": ["x"]})], ids=["world", "own data"]
)
def test_a_function_is_judged_beside_the_methods_on_the_same_replicates(subject, columns):
    """HC1 works on rows too, so that all three see the same ones: the function gives the numbers of CV1."""
    cert = lyra.certify(subject, ByCluster(), methods=[by_library, "CV1", "HC1"], maximum=500, seed=2, **columns)
    own, same, other = cert.rows
    assert (own.method, own.replicates, own.rejections) == ("by_library", 500, same.rejections)
    assert own.mean_se == pytest.approx(same.mean_se, rel=1e-9)
    assert own.sd_estimate == pytest.approx(same.sd_estimate, rel=1e-9)
    assert own.mean_se != pytest.approx(other.mean_se, rel=1e-3)


@pytest.mark.parametrize(("subject", "columns"), [(SMALL, {}), (shops(20), OWN)], ids=["world", "own data"])
def test_a_function_that_raises_is_counted_and_its_first_message_kept(subject, columns):
    def broken(y, X, clusters, rng):
        raise KeyError("no such weight")

    cert = lyra.certify(subject, ByCluster(), methods=[broken], maximum=500, **columns)
    (row,) = cert.rows
    assert (row.rejections, row.not_computable, row.verdict) == (500, 500, "not computable")
    assert row.message == "KeyError: 'no such weight'"
    assert "broken failed, first with: KeyError: 'no such weight'" in str(cert).splitlines()


def test_a_world_of_ones_own():
    class Coins:
        """Ten towns of four, an outcome that the treatment raises by 2: the null tested is the truth."""

        def sample(self, design, rng):
            town = np.repeat(np.arange(10), 4)
            treat = (np.random.default_rng(rng).permutation(10) < 5)[town] * 1
            outcome = 2.0 * treat + np.random.default_rng(rng).normal(size=40)
            return Sample({"cluster": town, "treat": treat, "outcome": outcome}, "treat", np.ones(40, dtype=bool))

        def truth(self):
            return Truth(2.0, 2.0, (0.0,), 1.0)

    cert = lyra.certify(Coins(), methods=["CV2"], maximum=1_000, seed=4)
    assert cert.designs == ("nothing assigned A/A",)
    # Its true size is near .05; .10 lies 7 Monte-Carlo errors away, and an effect left in would reject always.
    assert cert.rows[0].size < 0.10


# --- warned -------------------------------------------------------------------------------------


def test_clusters_finer_than_the_design_are_warned_of_and_flagged():
    told = (
        "The analysis clusters by cluster and the design randomises by pair: 10 of its units are split over several "
        "clusters, so cluster with cluster_by='unit'."
    )
    world = lyra.World(20, cluster_size=5, strata=10)
    with pytest.warns(FinerClustersWarning) as caught:
        cert = lyra.certify(world, Pairs(), methods=["iid", "CV1"], maximum=500)
    assert [str(warning.message) for warning in caught] == [told]
    assert cert.notes == (told,)
    assert ["clusters finer than randomised" in row.flags for row in cert.rows] == [False, True]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lyra.certify(world, Pairs(), methods=["CV1"], cluster_by="unit", maximum=500).notes == ()


# --- refused ------------------------------------------------------------------------------------


def refused(error, *positional, **keywords):
    with pytest.raises(error) as caught:
        lyra.certify(*positional, **keywords)
    return str(caught.value)


@pytest.mark.parametrize(
    ("subject", "design", "asked", "told"),
    [
        (
            SMALL,
            ByCluster(),
            {"outcome": "y"},
            "a world takes no outcome=: it takes analyses, cluster_by, covariates, weights.",
        ),
        (
            FRAME,
            ByCluster(),
            OWN | {"icc": 0.1},
            (
                "a table takes no icc=: it takes cluster, cluster_by, covariates, decimal, delimiter, encoding, "
                "formula, missing, outcome, stratum, weights, window."
            ),
        ),
        (
            lyra.fit("y ~ x", FRAME, clusters="shop"),
            None,
            {"cluster_by": "unit"},
            "a fit takes no cluster_by=: it takes icc, term, weights.",
        ),
        (FRAME, ByCluster(), {"cluster": "shop"}, "A table needs outcome=, the name of its column: pass it."),
        (FRAME, ByCluster(), {"outcome": "y"}, "A table needs cluster=, the name of its column: pass it."),
        (FRAME, None, OWN, "A table needs a design: say how the treatment is drawn, such as ByCluster()."),
        (
            lyra.fit("y ~ x", FRAME, clusters="shop"),
            ByCluster(),
            {},
            "A fit is taken as it stands: leave the design out, or pass the table itself.",
        ),
        (
            lyra.fit("y ~ x", FRAME, clusters="shop"),
            None,
            {"term": "X"},
            "term='X' is not a coefficient: did you mean 'x'? there is 'Intercept', 'x'.",
        ),
        (SMALL, None, {}, "a World treats no one by itself; give it a design, such as ByCluster()."),
        (
            lyra.RegressorWorld(9),
            ByCluster(),
            {},
            "a RegressorWorld draws its regressor itself and nothing is assigned; pass design=None.",
        ),
        (SMALL, ByCluster(), {"methods": []}, "No method is to be certified: name one, such as methods=['CV2']."),
        (
            SMALL,
            ByCluster(),
            {"methods": ["CV4"]},
            (
                "method 'CV4' is unknown: did you mean 'CV3'? there is 'iid', 'HC0', 'HC1', 'HC2', 'HC3', "
                "'CV1-normal', 'CV0', 'CV1', 'CV2', 'CV3', 'CV3J', 'WCR-11' and 7 more."
            ),
        ),
        (
            lyra.fit("y ~ x", FRAME, clusters="shop"),
            None,
            {"methods": ["HC1"]},
            (
                "method 'HC1' needs rows, and a model certificate draws only their sums: certify it on a world or "
                "on your own data."
            ),
        ),
        (SMALL, ByCluster(), {"seed": -1}, "seed=-1 is negative: pass 0 or more."),
        (
            SMALL,
            ByCluster(),
            {"first": 700},
            "first=700 is not a multiple of 500, the replicates of a block: round it up.",
        ),
        (
            SMALL,
            ByCluster(),
            {"weights": "mamen"},
            (
                "weights='mamen' is unknown: did you mean 'mammen'? there is 'auto', 'rademacher', 'webb', 'mammen', "
                "'normal', 'gamma'."
            ),
        ),
        (SMALL, ByCluster(), {"alpha": 2.0}, "the verdict's alpha must be between 0 and 1, got 2: change it."),
        (
            SMALL,
            ByCluster(),
            {"cluster_by": "clster"},
            (
                "cluster_by='clster' is nothing to cluster by: did you mean 'cluster'? there is 'cluster', 'unit', "
                "'window', 'stratum', 'pair', 'user'."
            ),
        ),
        (
            SMALL,
            ByCluster(),
            {"covariates": ["prex"]},
            (
                "the world has no covariate 'prex': did you mean 'pre'? there is 'user', 'cluster', 'window', "
                "'stratum', 'treat', 'outcome', 'pre'."
            ),
        ),
        (
            FRAME,
            Pairs(),
            OWN,
            "the design 'matched pairs' reads the stratum of each row: name its column with stratum=.",
        ),
        (
            FRAME,
            [ByCluster(), Switchback(2)],
            OWN,
            "the design 'switchback, blocks of 2' reads the window of each row: name its column with window=.",
        ),
        (
            FRAME,
            ByUser(),
            OWN | {"cluster_by": "window"},
            "cluster_by='window' reads the window of each row: name its column with window=.",
        ),
        (
            FRAME,
            ByUser(),
            OWN | {"cluster_by": "pair"},
            "cluster_by='pair' reads the stratum of each row: name its column with stratum=.",
        ),
        (
            FRAME.assign(twin=FRAME["shop"] // 3),
            Pairs(),
            OWN | {"stratum": "twin"},
            "pair 0 has 3 clusters and a matched pair has exactly 2; match it anew or leave it out.",
        ),
        (
            FRAME.assign(twin=FRAME["shop"] // 5),
            Stratified(),
            OWN | {"stratum": "twin"},
            "stratum 0 has 5 clusters, an odd number; move one to another stratum or leave it out.",
        ),
        (
            FRAME.assign(week=np.arange(25) % 5),
            Switchback(2),
            OWN | {"window": "week"},
            "5 windows are not divisible by block=2; choose a block that divides 5, or leave the last 1 out.",
        ),
        (
            FRAME,
            ByCluster(6),
            OWN,
            "treated=6 of 6 clusters leaves an arm empty; treat at least 1 and at most 5.",
        ),
    ],
)
def test_refused(subject, design, asked, told):
    assert refused(InputError, subject, design, **asked) == told


WHOLE = "is not a whole number of replicates up to 1,000,000: change it."


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        *(
            ({name: most}, f"{name}={most!r} {WHOLE}")
            for name in ("first", "maximum")
            for most in (10**9, 1e9, 1.5, True)
        ),
        ({"first": 0}, "a look needs at least 1 replicate, got first=0 and maximum=64000: raise them."),
        ({"maximum": -1}, "a look needs at least 1 replicate, got first=500 and maximum=-1: raise them."),
        ({"seed": 1.5}, "seed=1.5 is not a whole number: pass 0 or more."),
        ({"seed": True}, "seed=True is not a whole number: pass 0 or more."),
        ({"seed": "1"}, "seed='1' is not a whole number: pass 0 or more."),
        *(
            (
                {"workers": many},
                f"workers must be a whole number from 1 to 256, got {many!r}: 1 computes in this process.",
            )
            for many in (100_000, 0, -1, 1.5, True)
        ),
        ({"store": ""}, "store='' is not the path of a file: name one, such as 'run.sqlite'."),
        ({"store": 3}, "store=3 is not the path of a file: name one, such as 'run.sqlite'."),
    ],
)
def test_numbers_without_bounds_are_refused_before_anything_is_drawn(asked, told, monkeypatch):
    monkeypatch.setattr("lyra.trials.trial.Trial.block", None)
    assert refused(InputError, SMALL, ByCluster(), **asked) == told


def test_a_store_of_another_configuration_says_which_field_differs(tmp_path):
    path = tmp_path / "run.sqlite"
    lyra.certify(SMALL, ByCluster(), methods=["CV1"], maximum=500, store=path, seed=1)
    told = refused(InputError, SMALL, ByCluster(), methods=["CV1"], maximum=500, store=path, seed=2)
    assert told == (
        f"the store {path} was made by another configuration: seed is 1 in the store and 2 in this run; choose another "
        "store for this run, or set this back."
    )
    wider = lyra.World(12, cluster_size=6)
    told = refused(InputError, wider, ByCluster(), methods=["CV1"], maximum=500, store=path, seed=1)
    assert "world.cluster_size is 5 in the store and 6 in this run" in told


# --- a store knows its run ----------------------------------------------------------------------


def other(run, **changed):
    """Return what is asked of a run with some of it changed."""
    return run | changed


def named(refusal):
    """Return the fields that a refused store says differ; it lists three and counts the rest."""
    told = refusal.split(" was made by another configuration: ")[1].split("; choose another store")[0]
    return {clause.split(" is ")[0] for clause in told.split(", ") if " in the store and " in clause}


def kept(run, path):
    return lyra.certify(run["subject"], run["design"], store=path, **{k: v for k, v in run.items() if k not in OF_ALL})


OF_ALL = ("subject", "design")
TOWNS = shops(20).assign(week=np.arange(len(shops(20))) % 4, pair=shops(20)["shop"] // 4)
LEAST = {"methods": ["CV1"], "seed": 1, "first": 500, "maximum": 1_000, "tolerance": 2.0}
TABLE_RUN = LEAST | OWN | {"subject": TOWNS, "design": ByCluster(), "covariates": ["x"], "cluster_by": "cluster"}
TABLE_RUN |= {"window": "week", "stratum": "pair"}
WORLD_RUN = LEAST | {"subject": lyra.World(12, cluster_size=5), "design": ByCluster(), "cluster_by": "cluster"}
FITTED = lyra.fit("y ~ x + pair", TOWNS, clusters="shop")
FIT_RUN = LEAST | {"subject": FITTED, "design": None, "term": "x", "icc": [0.0, 0.2]}


def swapped(column):
    """Return the table with the labels of its first and last row exchanged."""
    changed = TOWNS.copy()
    last = len(TOWNS) - 1
    changed.loc[[0, last], column] = TOWNS.loc[[last, 0], column].to_numpy()
    return changed


def moved(column):
    changed = TOWNS.copy()
    changed.loc[3, column] += 1e-9
    return changed


def refit(table, formula="y ~ x + pair"):
    return lyra.fit(formula, table, clusters="shop")


def relabelled(table):
    return table.assign(shop=table["shop"].map(lambda shop: f"s{shop}"))


RULE = {
    "seed": ({"seed": 2}, {"seed"}),
    "methods": ({"methods": ["CV2"]}, {"methods[0]"}),
    "another method": ({"methods": ["CV1", "CV2"]}, {"methods[1]"}),
    "weights": ({"weights": "webb"}, {"weights"}),
    "alpha": ({"alpha": 0.1}, {"alpha"}),
    "tolerance": ({"tolerance": 1.5}, {"tolerance"}),
    "first": ({"first": 1_000}, {"first"}),
    "maximum": ({"maximum": 2_000}, {"maximum"}),
}
CHANGES = [
    *(
        (run, *change, f"{what} of {kind}")
        for kind, run in (("a table", TABLE_RUN), ("a world", WORLD_RUN), ("a fit", FIT_RUN))
        for what, change in RULE.items()
    ),
    (TABLE_RUN, {"subject": moved("y")}, {"outcome"}, "outcome of a table"),
    (TABLE_RUN, {"subject": moved("x")}, {"covariates"}, "covariate of a table"),
    (TABLE_RUN, {"covariates": []}, {"covariates"}, "no covariate of a table"),
    (TABLE_RUN, {"subject": swapped("shop")}, {"cluster labels"}, "cluster labels of a table"),
    (TABLE_RUN, {"subject": swapped("week")}, {"window labels"}, "window labels of a table"),
    (TABLE_RUN, {"subject": TOWNS.assign(pair=TOWNS["pair"] // 2)}, {"stratum labels"}, "strata of a table"),
    (TABLE_RUN, {"stratum": None}, {"stratum labels"}, "no strata of a table"),
    (TABLE_RUN, {"cluster_by": "stratum"}, {"cluster_by"}, "level of a table"),
    (TABLE_RUN, {"design": ByCluster(8)}, {"design.treated"}, "design of a table"),
    (TABLE_RUN, {"design": Stratified()}, {"design.kind"}, "kind of design of a table"),
    (WORLD_RUN, {"subject": lyra.World(12, cluster_size=5, icc=0.03)}, {"world.icc"}, "world"),
    (WORLD_RUN, {"subject": lyra.World(12, cluster_size=5, effect=0.1)}, {"world.effect"}, "effect of a world"),
    (WORLD_RUN, {"design": ByCluster(5)}, {"design.treated"}, "design of a world"),
    (WORLD_RUN, {"cluster_by": "unit"}, {"cluster_by"}, "level of a world"),
    (WORLD_RUN, {"covariates": ["pre"]}, {"covariates"}, "covariates of a world"),
    (FIT_RUN, {"subject": refit(moved("y"))}, {"outcome"}, "outcome of a fit"),
    (FIT_RUN, {"subject": refit(moved("x"))}, {"columns"}, "covariate of a fit"),
    (FIT_RUN, {"subject": refit(relabelled(TOWNS))}, {"cluster labels"}, "names of the clusters of a fit"),
    (FIT_RUN, {"subject": refit(swapped("shop"))}, {"columns"}, "clusters of a fit"),
    (FIT_RUN, {"term": "pair"}, {"term"}, "term of a fit"),
    (FIT_RUN, {"icc": [0.0, 0.3]}, {"icc[1]"}, "correlation of a fit"),
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A store of each run, and the digest it ended in."""
    folder = tmp_path_factory.mktemp("stores")
    runs = {id(run): (run, folder / f"{n}.sqlite") for n, run in enumerate((TABLE_RUN, WORLD_RUN, FIT_RUN))}
    return {key: (path, kept(run, path).digest) for key, (run, path) in runs.items()}


@pytest.mark.parametrize(
    ("run", "changed", "fields"), [change[:3] for change in CHANGES], ids=[change[3] for change in CHANGES]
)
def test_a_store_of_another_run_is_refused_and_names_what_differs(run, changed, fields, stored):
    path, _ = stored[id(run)]
    before = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FinerClustersWarning)
        with pytest.raises(InputError) as caught:
            kept(other(run, **changed), path)
    assert str(caught.value).startswith(f"the store {path} was made by another configuration: ")
    assert str(caught.value).endswith("; choose another store for this run, or set this back.")
    assert fields <= named(str(caught.value))
    assert path.read_bytes() == before


@pytest.mark.parametrize("run", [TABLE_RUN, WORLD_RUN, FIT_RUN], ids=["a table", "a world", "a fit"])
def test_a_store_of_the_same_run_serves_it(run, stored, monkeypatch):
    """A table and a fit of equal content are the same, and nothing is drawn again."""
    path, digest = stored[id(run)]
    again = {id(TABLE_RUN): TOWNS.copy(), id(WORLD_RUN): lyra.World(12, cluster_size=5), id(FIT_RUN): refit(TOWNS)}
    monkeypatch.setattr("lyra.trials.trial.Trial.block", None)
    assert kept(other(run, subject=again[id(run)]), path).digest == digest


def test_a_table_is_the_same_run_from_a_file_and_a_fit_from_its_copy(tmp_path, stored):
    TOWNS.to_csv(tmp_path / "towns.csv", index=False)
    path, digest = stored[id(TABLE_RUN)]
    assert kept(other(TABLE_RUN, subject=tmp_path / "towns.csv"), path).digest == digest
    relabelled(TOWNS).to_csv(tmp_path / "named.csv", index=False)
    fits = [refit(str(tmp_path / "named.csv")) for _ in range(2)]
    digests = {kept(other(FIT_RUN, subject=fit), tmp_path / "fit.sqlite").digest for fit in fits}
    assert len(digests) == 1


def test_the_order_of_windows_is_part_of_a_run(tmp_path):
    """The same labels, in another order that the user gave: blocks of a switchback hold other rows."""
    days = ["mon", "tue", "wed", "thu"]
    table = shops(8).assign(day=np.array(days)[np.arange(len(shops(8))) % 4])
    runs = [
        LEAST | OWN | {"design": Switchback(2), "window": "day", "subject": table.assign(day=ordered)}
        for order in (days, days[::-1][1:] + days[-1:])
        for ordered in [pd.Categorical(table["day"], order, ordered=True)]
    ]
    kept(runs[0], tmp_path / "run.sqlite")
    with pytest.raises(InputError, match="window labels is sha256:"):
        kept(runs[1], tmp_path / "run.sqlite")


def test_an_analysis_of_a_world_is_part_of_a_run(tmp_path):
    run = WORLD_RUN | {"analyses": {"": Analysis("cluster", ())}}
    del run["cluster_by"]
    kept(run, tmp_path / "run.sqlite")
    changed = run | {"analyses": {"": Analysis("cluster", ("pre",))}}
    with pytest.raises(InputError) as caught:
        kept(changed, tmp_path / "run.sqlite")
    assert named(str(caught.value)) == {"covariates", "covariates[0]"}


def test_another_version_is_another_run(tmp_path, monkeypatch):
    kept(WORLD_RUN, tmp_path / "run.sqlite")
    monkeypatch.setattr("lyra.verdict.record.__version__", "0.0.9")
    with pytest.raises(InputError, match=r'versions\.lyra is "[^"]+" in the store and "0\.0\.9" in this run'):
        kept(WORLD_RUN, tmp_path / "run.sqlite")


def test_a_corrupt_store_is_kept_aside(tmp_path):
    path = tmp_path / "run.sqlite"
    lyra.certify(SMALL, ByCluster(), methods=["CV1"], maximum=500, store=path)
    half = path.read_bytes()[:5000]
    path.write_bytes(half)
    told = refused(DataError, SMALL, ByCluster(), methods=["CV1"], maximum=500, store=path)
    assert told == (
        f"the store {path} is corrupt (database disk image is malformed): it was moved to {path}.corrupt-1 and nothing "
        "was deleted; run again to start a new store."
    )
    assert (tmp_path / "run.sqlite.corrupt-1").read_bytes() == half
    assert lyra.certify(SMALL, ByCluster(), methods=["CV1"], maximum=500, store=path).rows[0].replicates == 500
