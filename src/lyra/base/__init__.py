"""What every room may use.

`arrays`, `text`, `search`, `warn` and `renamed`; `identity`, what a thing is made of; `result`, what every result says.
"""
