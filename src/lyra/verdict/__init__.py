"""The table -> of a method its size, of a design its power; which line to read.

`rule` is the verdict, `scenarios` what is tried, `certificate` the looks until it is known; `closed_form` power by
formula; `ladder` one coefficient by every method, `advice` which line to read.
"""
