"""The printed page, the JSON document and the repr of tables with dangers of every sort, one below the other.

python bench/pages.py [name ...]: to be read as an analyst would, looking for two sentences that are at odds.
"""

import io
import json
import sys
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import lyra
from dangers import DANGERS
from lyra.cli import run


def shown(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(["fit", *arguments])
    return code, out.getvalue(), err.getvalue()


def printed(name, folder):
    danger = DANGERS[name]()
    path = str(Path(folder) / "rows.csv")
    danger.table.to_csv(path, index=False)
    asked = [path, danger.formula, "--cluster", danger.cluster, "--term", danger.term, "--bootstrap"]
    print(f"\n{'=' * 100}\n{name}: {danger.formula}\n")
    for options in ([], ["--no-certify"]):
        code, out, err = shown(*asked, *options)
        print(f"--- page {' '.join(options)} (exit {code})\n{out}{err}")
    _, out, err = shown(*asked, "--json")
    document = json.loads(out) if out else {"diagnostics": {}, "ladder": [], "warnings": [err]}
    lines = {line["method"]: [line.get(key) for key in ("verdict", "worst", "size")] for line in document["ladder"]}
    told = {key: document["diagnostics"].get(key) for key in ("read", "reason", "dangers")}
    print(f"--- JSON\n{json.dumps(told | {'ladder': lines, 'warnings': document['warnings']}, indent=1)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(f"--- repr\n{lyra.fit(danger.formula, danger.table, clusters=danger.cluster).ladder(danger.term)!r}")


def main(names):
    with tempfile.TemporaryDirectory() as folder:
        for name in names or DANGERS:
            printed(name, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
