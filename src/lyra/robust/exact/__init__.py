"""Worlds of Gaussian errors → of every analytic line its exact size, its power, and the critical value it needs.

`coefficient` → `statistic`; `worlds` (`worlds_of_rows` with `row_sums` where cluster sums are not enough) → `forms` →
`size`, `power` → `critical_value` over a `family` of worlds → `confidence_set` → `most_powerful` of the lines.
`windows` holds the one world here whose clusters are not independent: a switchback's, clustered too finely.
"""
