"""A run of twelve chunks, for tests of what is kept of it."""

import numpy as np

CONFIG = {
    "seed": 7,
    "cells": [{"world": {"icc": 0.02, "outcome": "spend"}, "methods": ["iid", "CV1"]}],
    "alpha": 0.05,
}


COLUMNS = [("pvalue", "<f8"), ("se", "<f8"), ("status", "i1")]


KEYS = [(cell, chunk) for cell in range(3) for chunk in range(4)]


def table(cell, chunk, rows=20):
    drawn = np.random.default_rng([cell, chunk])
    replicates = np.zeros(rows, COLUMNS)
    replicates["pvalue"], replicates["se"] = drawn.random((2, rows))
    replicates["status"] = drawn.integers(0, 2, rows)
    return replicates
