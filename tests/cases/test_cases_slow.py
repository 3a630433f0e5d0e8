"""The other fixed cases, and some of every kind through every engine in real processes."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from nbprod import execution
from nbprod.api.notebook import analyze
from nbprod.config import Project
from tests.cases.test_cases_fast import GROUPS as FAST
from tests.cases.test_cases_stages import GROUPS as STAGES
from tests.support.cases import cases
from tests.support.forked import forked
from tests.support.judge import HEAVY, Wrong, inside, judge, place

OTHERS = (
    *(
        "branches",
        "buffers",
        "identity",
        "ipython",
        "keeping",
        "lazy",
        "literals",
        "matplotlib",
        "modules",
        "numpy",
        "pandas",
    ),
    *("patching", "reaching", "redefining", "scripts", "showing", "sklearn", "state", "stdlib"),
)
ENGINES = ("nbprod", "papermill", "ploomber", "extract")
SPANNING = 40


def spanning():
    """Return cases of every group in turn, those left out that hold what no other process can have."""
    groups = {}
    for case in cases():
        if case.refused is None and case.expect and case.group != "lazy":
            groups.setdefault(case.group, []).append(case)
    rounds = zip(*(found[:: max(1, len(found) // 5)][:5] for found in groups.values()), strict=False)
    return [case for one in rounds for case in one][:SPANNING]


def test_every_group_is_run():
    assert {case.group for case in cases()} == {*FAST, *STAGES, *OTHERS}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", cases(*OTHERS), ids=str)
def test_case(case, tmp_path):
    with forked(*HEAVY):
        judge(case, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", spanning(), ids=str)
def test_every_engine(case, engine, tmp_path):
    if engine == "extract":
        extracted(case, tmp_path)
        return
    try:
        judge(case, tmp_path, engine=engine)
    except Wrong as wrong:
        # an engine whose stages are jobs of their own refuses what lives in one process, and says so
        if engine == "nbprod" or "NB410" not in str(wrong):
            raise


def extracted(case, root):
    """Run the extracted jobs under plain papermill; a last stage compares what the case expects."""
    probed = dataclasses.replace(case, cells=[*case.cells, ("stage:probe", probe(case))])
    folder = root / "pipeline"
    path = place(probed, folder)
    with inside(folder, case.env):
        jobs = execution.extract(analyze(path), Project.find(folder), root / "jobs")
        given = [word for name, value in case.given.items() for word in ("-p", name, str(value))]
        for job in jobs:
            command = [sys.executable, "-m", "papermill", str(job), str(root / job.name), *given, "--no-progress-bar"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if "cannot be stored" in done.stderr or "NB410" in done.stderr:
                return  # refused at the boundary, with the reason, as by the engines whose stages are jobs
            assert done.returncode == 0, done.stderr[-2000:]


def probe(case):
    """Return a cell that fails unless the values are those expected."""
    return "\n".join(f"assert {name} == {value!r}, {name}" for name, value in case.expect.items())
