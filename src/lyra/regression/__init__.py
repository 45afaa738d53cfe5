"""Sums -> an estimate and its scores.

`least_squares` fits; `within` gives every cluster its own fit; `nested` fits with finer clusters inside; `term` says
which coefficient is meant.
"""
