"""The adversary: random problems and tables, an exact oracle, and the rules by which answers are judged.

problems, labels -> what is handed in, with the truth it was made from; oracle -> every number exactly, from the truth;
judge -> what an answer is; arrays, tables -> one problem through the front doors; `bench.fuzz` is the command.
"""
