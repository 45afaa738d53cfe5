"""The wild cluster bootstrap.

`multipliers` are the weights and their patterns, `draws` the sums of a draw, `statistic` the t of a draw, `bootstrap`
the test, `confidence` its inversion into an interval.
"""
