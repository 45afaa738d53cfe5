"""What `import lyra` costs over numpy's own import: the median over fresh processes, in milliseconds."""

from __future__ import annotations

import statistics
import subprocess
import sys

PROCESSES = 21
BOUND = 60.0
CODE = """
import time
started = time.perf_counter()
import numpy
between = time.perf_counter()
import lyra
print((time.perf_counter() - between) * 1e3, (between - started) * 1e3)
"""


def main() -> None:
    runs = [
        [
            float(word)
            for word in subprocess.run(
                [sys.executable, "-c", CODE], check=True, capture_output=True, text=True
            ).stdout.split()
        ]
        for _ in range(PROCESSES + 1)
    ][1:]  # the first writes byte code
    lyra, numpy = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"import lyra: {lyra:.1f} ms over numpy's {numpy:.1f} ms (at most {BOUND:.0f} ms)")
    sys.exit(lyra > BOUND)


if __name__ == "__main__":
    main()
