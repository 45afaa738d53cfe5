"""Worlds, own data, a fitted design -> replicates in which the null is true.

`world` is the engine (agents who choose, with a correlation that `planting` plants), `samples` what it gives, `cells`
its sums of products; `source` turns a world, a history or a fit into replicates; `subjects` says what was handed in.
"""
