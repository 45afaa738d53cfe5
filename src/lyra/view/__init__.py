"""Results -> terminal and JSON.

`pages` is what a terminal shows and what a JSON document holds.
"""
