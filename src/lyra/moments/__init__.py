"""Rows -> per-cluster sums, additive and cuttable; `partition` is fine clusters in coarse ones."""

from lyra.moments.moments import Moments

__all__ = ["Moments"]
