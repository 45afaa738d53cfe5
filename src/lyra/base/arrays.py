"""The arrays everything is made of, named once."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array"]

Array: TypeAlias = NDArray[np.float64]
"""Numbers, of any shape; the docstring of whatever takes or returns one says which."""
