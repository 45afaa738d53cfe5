"""What `import lyra` and the front door for arrays cost over numpy's import: medians over fresh processes, in ms."""

from __future__ import annotations

import statistics
import subprocess
import sys

PROCESSES = 21
BOUND = 60.0
CODE = """
from time import perf_counter
marks = [perf_counter()]
import numpy
marks.append(perf_counter())
import lyra
marks.append(perf_counter())
import lyra.se
marks.append(perf_counter())
print(*(1e3 * (later - earlier) for earlier, later in zip(marks, marks[1:])))
"""


def one() -> list[float]:
    told = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True).stdout
    return [float(word) for word in told.split()]


def main() -> None:
    one()  # writes the byte code
    numpy, lyra, front_door = map(statistics.median, zip(*(one() for _ in range(PROCESSES)), strict=True))
    print(
        f"numpy {numpy:.1f} ms, then import lyra {lyra:.1f} ms, then lyra.se {front_door:.1f} ms "
        f"(together at most {BOUND:.0f} ms)"
    )
    sys.exit(lyra + front_door > BOUND)


if __name__ == "__main__":
    main()
