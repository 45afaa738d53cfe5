"""Replicates x methods -> the table of what each said.

`trial` is one cell, `by_rows` its methods that work on rows, `runner` its chunks on processes; `store` what is kept of
them on disk, `integrity` whether that file is sound, `chunks` what a chunk's table is made of.
"""
