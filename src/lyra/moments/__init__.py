"""Rows -> per-cluster sums, additive and cuttable.

`partition` is fine clusters in coarse ones, `window_sums` the sums of a switchback.
"""

from lyra.moments.moments import Moments

__all__ = ["Moments"]
