"""Rows -> per-cluster sums, additive and cuttable."""

from lyra.moments.moments import Moments

__all__ = ["Moments"]
