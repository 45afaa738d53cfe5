"""The wild cluster bootstrap.

`multipliers` are the weights and their patterns, `draws` the sums of a draw, `statistic` the t of a draw, `tally` the
counting of draws against the sample, `confidence` (with `quartic`) its inversion into an interval, `result` what it
says, `bootstrap` the test.
"""
