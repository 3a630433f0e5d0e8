"""A run with nothing to do imports nothing that it does not need: its length is that of its imports."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nbprod.execution import zygotes

HEAVY = (
    "click rich asyncio logging tempfile tomllib nbformat msgspec IPython mlflow pandas numpy "
    "nbprod.analysis nbprod.execution.session nbprod.execution.zygotes nbprod.execution.executed nbprod.core.verification"
)
FORCED = (
    "click rich asyncio logging tempfile tomllib nbformat msgspec IPython mlflow pandas numpy nbprod.worker.formats"
)
RUN = """
import json, sys
from nbprod.interfaces import cli
code = cli.run(["run", "nb.ipynb", "--json", *sys.argv[2:]])
assert code == 0, code
print(json.dumps(sorted(set(sys.argv[1].split()) & set(sys.modules))))
"""


def imported(bench, names, *words):
    bench.cells(("parameters", "n = 2"), ("stage:one", "x = [n]"), ("stage:two", "y = x * n"))
    printed = []
    for _ in range(2):
        command = [sys.executable, "-c", RUN, names, *words]
        done = subprocess.run(command, cwd=bench.root, capture_output=True, text=True, check=True)
        printed.append(done.stdout.splitlines())
    run, found = map(json.loads, printed[1])
    return [stage["status"] for stage in run["stages"]], found


def test_what_it_imports(bench):
    assert imported(bench, HEAVY) == (["cached", "cached"], [])


@pytest.mark.skipif(not zygotes.SUPPORTED, reason="zygotes need Linux")
def test_what_a_run_imports_that_has_something_to_do(bench):
    assert imported(bench, FORCED, "--force") == (["succeeded", "succeeded"], [])
