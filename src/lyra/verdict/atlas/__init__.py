"""How often every line of lyra, and the advice, flags a true null: over designs, and over laws of the errors.

`grid` what is asked; `blueprint` a design as rows, `laws` of its errors; `study` what a design fixes, `cell` one design
under one law → a line a method; `survey` all cells, resumable → the table; `panel` the cells that answer a question,
`costs` what a line costs in power, `findings` what the table says.
"""
