"""Replicates x methods -> the table of what each said.

`trial` is one cell, `runner` its chunks on processes, `store` what is kept of them on disk.
"""
