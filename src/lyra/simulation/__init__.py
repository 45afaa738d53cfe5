"""Worlds, own data, a fitted design -> replicates in which the null is true.

`world` is the engine (agents who choose): `crowd` who lives there, `utility` what they share and what is their own,
`planting` the correlation asked for, `ranges` what may be asked, `samples` what it gives, `cells` its sums of products;
`regressor_world` has a continuous regressor; `source` turns a world, a history or a fit into replicates; `subjects`
says what was handed in.
"""
