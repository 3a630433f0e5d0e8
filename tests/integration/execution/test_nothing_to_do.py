"""A run with nothing to do imports nothing that it does not need: its length is that of its imports."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "click rich asyncio logging tempfile tomllib nbformat msgspec IPython mlflow pandas numpy "
    "nbprod.analysis nbprod.execution.session nbprod.execution.zygotes nbprod.execution.executed nbprod.core.verification"
)
RUN = """
import json, sys
from nbprod.interfaces import cli
code = cli.run(["run", "nb.ipynb", "--json"])
assert code == 0, code
print(json.dumps(sorted(set(sys.argv[1].split()) & set(sys.modules))))
"""


def test_what_it_imports(bench):
    bench.cells(("parameters", "n = 2"), ("stage:one", "x = [n]"), ("stage:two", "y = x * n"))
    printed = []
    for _ in range(2):
        words = [sys.executable, "-c", RUN, HEAVY]
        done = subprocess.run(words, cwd=bench.root, capture_output=True, text=True, check=True)
        printed.append(done.stdout.splitlines())
    run, imported = map(json.loads, printed[1])
    assert [stage["status"] for stage in run["stages"]] == ["cached", "cached"]
    assert imported == []
