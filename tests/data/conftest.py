"""What a table is refused with, whatever form it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import lyra
from lyra.errors import LyraError
from orders import FRAME
from tables import FORMS, KINDS

Refusal = Callable[..., str]


@pytest.fixture(params=KINDS)
def refusal(request, tmp_path) -> Refusal:
    def told(kind: type[LyraError], formula: str, frame: pd.DataFrame = FRAME, clusters: Any = "city") -> str:
        data = FORMS[request.param](frame, tmp_path)
        with pytest.raises(kind) as caught:
            lyra.fit(formula, data, clusters=clusters)
        return str(caught.value)

    return told
