"""The table -> of a method its size, of a design its power; which line to read.

`rule` is what is tolerated, `judging` counts -> a verdict, `operating` what the rule does; `scenarios` what is tried,
`budget` how often, `record` what was asked; `performance` replicates -> a row, `recommendation` rows -> the method to
read, `certificate` the result and its file, which `audit` judges again, `looks` the run; `closed_form` power by
formula; `wanted` what a plan asks, `detection` what a method sees of any effect, `needed` how many clusters that takes,
`power` the result; `quick` the certificate beside the lines of a fit; `ladder` one coefficient by every method,
`advice` which line to read, `window_level` what a column of windows says of its clusters; `atlas` the sizes of all
lines, and of the advice, over designs and laws of the errors.
"""
