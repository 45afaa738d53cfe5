"""An estimate -> standard error, law, p-value and interval, by every method.

`leave_out` is what is left of a design without a cluster, for a fit or for replicates; `partialled` a treatment with
the other columns taken out; `others` is what the rest say without a cluster or a row, from which `spectra` keeps
every digit where one carries nearly all, and `rounding` says what is zero. `jackknife` and `sandwich` hold the
covariances, `covariance` and `unidentified` what cannot be computed; `dof` and `laws` the degrees of freedom and
quantiles; `inference` and `joint` the tests; `null` a restriction imposed; `per_cluster`, `assignments` and
`randomisation` the ways that need no covariance; `spans` and `switchback` the total effect of arms that change in
time; `replicates` every method for many replicates at once, and `methods` is the register of them all. `exact` holds
exact sizes and critical values, `wild` the bootstrap, `diagnosis` what the clusters can bear.
"""
