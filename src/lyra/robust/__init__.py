"""An estimate -> standard error, law, p-value and interval, by every method.

`sandwich` holds the covariances, `leave_out` what is left of the design without a cluster, `rounding` what is zero;
`dof` and `laws` the degrees of freedom and quantiles; `inference` the tests; `null` a restriction imposed;
`per_cluster` and `randomisation` the two ways that need no covariance, `assignments` who else could have been treated;
`replicates` every method for many replicates at once. `wild` is the bootstrap, `diagnosis` what the clusters can bear.
"""
