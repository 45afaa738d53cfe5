"""Worlds, own data, a fitted design -> replicates in which the null is true.

`world` is the engine (agents who choose): `crowd` who lives there, `utility` what they share and what is their own,
`planting` the correlation asked for, `ranges` what may be asked, `samples` what it gives, `cells` its sums of
products; `regressor_world` has a continuous regressor. `source` is what replicates are drawn from, and `from_world`,
`from_history` and `from_fit` are the three there are; `analysis` says what is a cluster, `estimand` what an estimate
is held against, `spread` what the formula of power needs to know. `asked` holds what was asked, and `subjects`
decides what was handed in.
"""
