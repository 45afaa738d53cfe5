"""What the clusters can bear.

`arms` says who is treated, `icc` how alike the rows of a cluster are, `cluster_level` whether finer clusters are
enough, `switches` for how long an arm was drawn; `measures` is what each cluster weighs, `dangers` what that means,
`diagnosis` both of a fit.
"""
