"""Results -> terminal and JSON.

`pages` is what a terminal shows, in tables that `tables` fits to it; `document` what a JSON document holds.
"""
