"""Every refusal and every warning, in one tree.

A refusal is one sentence: what is wrong, where, and what to do.

LyraError (Exception)
├── InputError (also ValueError)     a value cannot be used: wrong length, infinite, unknown name
├── FormulaError (also ValueError)   the formula text does not parse; the position is shown
├── DataError (also ValueError)      a table or file cannot be read as asked
├── RowsNeededError                  the answer needs the rows, and only their sums were kept
└── NotIdentifiedError (also ValueError)   the data cannot answer the question asked

LyraWarning (UserWarning)
├── DroppedRowsWarning               rows with missing values were left out, and counted
├── DroppedColumnsWarning            collinear columns were left out, by name
├── UnidentifiedWarning              a leave-one-cluster-out estimate does not exist: NaN instead
├── ConditionWarning                 digits were lost and the rows are not there to win them back
├── FewClustersWarning               the design is one where this method is known to fail
├── FinerClustersWarning             the analysis clusters finer than the design randomises
├── DisjointSetWarning               the values a test does not reject are not one interval: their hull is returned
└── StoreLostWarning                 the checkpoint file was deleted or replaced while a run wrote to it
"""

__all__ = [
    "ConditionWarning",
    "DataError",
    "DisjointSetWarning",
    "DroppedColumnsWarning",
    "DroppedRowsWarning",
    "FewClustersWarning",
    "FinerClustersWarning",
    "FormulaError",
    "InputError",
    "LyraError",
    "LyraWarning",
    "NotIdentifiedError",
    "RowsNeededError",
    "StoreLostWarning",
    "UnidentifiedWarning",
]


class LyraError(Exception):
    """Base of everything lyra refuses."""


class InputError(LyraError, ValueError):
    """A value cannot be used as given."""


class FormulaError(LyraError, ValueError):
    """The formula text is not in the grammar; the sentence shows the position."""


class DataError(LyraError, ValueError):
    """A table or file cannot be read as asked."""


class RowsNeededError(LyraError):
    """The answer needs rows, and only their per-cluster sums are at hand."""


class NotIdentifiedError(LyraError, ValueError):
    """The data cannot answer the question asked."""


class LyraWarning(UserWarning):
    """Base of everything lyra warns of."""


class DroppedRowsWarning(LyraWarning):
    """Rows with missing values were left out; the sentence counts them."""


class DroppedColumnsWarning(LyraWarning):
    """Collinear columns were left out; the sentence names them."""


class UnidentifiedWarning(LyraWarning):
    """A coefficient lives in one cluster: its leave-one-out estimate does not exist and NaN is returned."""


class ConditionWarning(LyraWarning):
    """The design is ill conditioned and only sums are at hand, so digits are lost."""


class FewClustersWarning(LyraWarning):
    """Too few clusters, or treated clusters, for the law used."""


class FinerClustersWarning(LyraWarning):
    """The analysis clusters finer than the design randomises, so its standard errors are too small."""


class DisjointSetWarning(LyraWarning):
    """The values a test does not reject are several intervals; their hull was returned."""


class StoreLostWarning(LyraWarning):
    """The checkpoint file was deleted or replaced while a run wrote to it."""
