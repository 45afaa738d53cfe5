"""Forty orders in eight cities, for tests of what a table is refused for."""

from __future__ import annotations

import numpy as np
import pandas as pd

rng = np.random.default_rng(20265)
FRAME = pd.DataFrame(
    {
        "orders": rng.normal(size=40),
        "treat": np.arange(40) % 2,
        "price": np.linspace(-1.0, 2.9, 40),
        "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(np.arange(40) % 3, "D"),
        "arm": np.array(list("abcd"))[np.arange(40) % 4],
        "city": np.arange(40) % 8,
    }
)
