"""The arrays everything is made of, named once; the docstring of whatever takes or returns one says its shape."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Bools", "Codes"]

Array: TypeAlias = NDArray[np.float64]
"""Numbers."""

Bools: TypeAlias = NDArray[np.bool_]
"""What holds and what does not."""

Codes: TypeAlias = NDArray[np.signedinteger[Any]]
"""Whole numbers that say which one: of each row its cluster, of each cell its stratum, or a place in another array."""
