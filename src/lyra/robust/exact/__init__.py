"""Worlds of Gaussian errors → of every analytic line its exact size, its power, and the critical value it needs.

`worlds` (`row_worlds` where rows are needed) → `size`, `power` → `critical_value` over a family of worlds →
`confidence_set` where the family depends on what is tested → `most_powerful` of the calibrated lines.
"""
