"""Degrees of freedom: closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from examples import experiment
from lyra import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.dof import satterthwaite

y, X, clusters = experiment()


@pytest.mark.parametrize("G", [2, 5, 11])
def test_the_mean_of_equal_clusters_has_one_less_than_the_clusters(G):
    """With equal sizes û_g is y_g less the grand mean, so P = I − 11'/G: a projection of rank G − 1."""
    outcomes = np.random.default_rng(G).normal(size=(G, 3))
    fit = least_squares(Moments.from_arrays(outcomes.ravel(), np.ones(3 * G), np.repeat(np.arange(G), 3)))
    for variant in ("CV0", "CV1", "CV2", "CV3"):
        assert satterthwaite(fit, np.eye(1), variant) == pytest.approx([G - 1], rel=1e-10)


def test_the_size_of_a_contrast_does_not_matter():
    fit = least_squares(Moments.from_arrays(y, X, clusters))
    contrast = np.array([[0.0, 1.0, -1.0]])
    for variant in ("CV1", "CV2", "CV3"):
        assert satterthwaite(fit, 1e6 * contrast, variant) == pytest.approx(
            satterthwaite(fit, contrast, variant), rel=1e-12
        )


@pytest.mark.parametrize("variant", ["CV1", "CV2", "CV3"])
def test_a_form_that_is_zero_has_no_degrees_of_freedom(variant):
    """Cluster dummies alone leave every cluster the score zero."""
    D = (clusters[:, None] == np.unique(clusters)).astype(float)
    fit = least_squares(Moments.from_arrays(y, D, clusters))
    assert np.isnan(satterthwaite(fit, np.eye(8), variant)).all()
