"""The store of real runs: gc, verify, stats, and a limit after a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nbprod
from nbprod import api
from nbprod.interfaces import cli

CELLS = [
    ("parameters", "n = 1"),
    ("stage:make", "import numpy as np\nx = np.arange(50_000) + n"),
    ("stage:add", "total = int(x.sum())"),
]


@pytest.fixture
def path(project, make_notebook):
    return make_notebook(project / "nb.ipynb", CELLS)


def told(capsys, *arguments: str) -> tuple[int, dict]:
    capsys.readouterr()
    code = cli.run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def age(home: Path) -> None:
    """Let all in the store be of yesterday."""
    then = time.time() - 86400
    for folder in ("buffers", "manifests"):
        for file in (home / folder).rglob("*"):
            os.utime(file, (then, then))


def test_gc_verify_and_stats(path, project, capsys, monkeypatch):
    monkeypatch.chdir(project)
    first, second = (nbprod.run(path, {"n": n}) for n in (1, 2))
    found = told(capsys, "store", "stats")[1]
    buffers = next(kind for kind in found["kinds"] if kind["kind"] == "buffers")
    assert (buffers["unreferenced"]["count"], found["limit"]) == (0, None)
    assert buffers["bytes"] > 800_000
    assert told(capsys, "store", "gc", "--keep-last", "1", "--older-than", "0s")[1]["snapshots"] == [], "too young"
    age(project / ".nbprod")
    link = api.store_gc(project, keep_last=1, dry_run=True)
    assert link["snapshots"] == [], "made today, whatever the times of its files say"
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 7200)
    code, removed = told(capsys, "store", "gc", "--keep-last", "1")
    assert (code, {item["run"] for item in removed["snapshots"]}) == (0, {first.id})
    assert 400_000 < removed["bytes"] < 500_000
    old = api.show(first.id, project)
    with pytest.raises(nbprod.MissingValue, match="removed from the store") as caught:
        old["total"]
    assert caught.value.code == "NB629"
    assert second["total"] == api.show(second.id, project)["total"]
    assert [str(stage.status) for stage in nbprod.run(path, {"n": 2}).stages] == ["cached"] * 2
    assert told(capsys, "store", "verify")[0] == 0
    big = max((project / ".nbprod" / "buffers").rglob("*"), key=lambda file: file.stat().st_size)
    with big.open("r+b") as file:
        file.write(b"damage")
    code, found = told(capsys, "store", "verify")
    assert (code, len(found["damaged"]), found["missing"]) == (1, 1, [])
    again = nbprod.run(path, {"n": 2})
    assert again.stages[0].reason == "its snapshot is damaged or gone"
    assert again["total"] == second["total"]


def test_a_limit_holds_after_a_run(path, project, monkeypatch):
    (project / "pyproject.toml").write_text('[tool.nbprod]\nstore_limit = "600kB"\n')
    first = nbprod.run(path, {"n": 1})
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 7200)
    second = nbprod.run(path, {"n": 2})
    assert second.notes == ()
    assert api.store_stats(project)["bytes"] < 900_000
    assert second["total"] == total_of(2)
    old = api.show(first.id, project)
    with pytest.raises(nbprod.MissingValue):
        old["x"]
    (project / "pyproject.toml").write_text('[tool.nbprod]\nstore_limit = "1kB"\n')
    assert "bigger than store_limit" in nbprod.run(path, {"n": 3}).notes[-1]
    (project / "pyproject.toml").write_text('[tool.nbprod]\nstore_limit = "much"\n')
    with pytest.raises(nbprod.ConfigError, match="is no size"):
        nbprod.run(path, {"n": 4})


def total_of(n: int) -> int:
    return sum(range(n, 50_000 + n))


@pytest.mark.parametrize("given", [("--max-size", "large"), ("--older-than", "long")])
def test_what_cannot_be_understood(given, project, capsys):
    code, found = told(capsys, "store", "gc", "--project", str(project), *given)
    assert (code, found["error"]["code"]) == (2, "NB909")


def test_texts(path, project, capsys, monkeypatch):
    monkeypatch.chdir(project)
    nbprod.run(path)
    capsys.readouterr()
    for arguments in (["stats"], ["gc"], ["verify"]):
        assert cli.run(["store", *arguments]) == 0
    text = capsys.readouterr().out
    assert "buffers " in text
    assert "removed  0 snapshots and 0 buffers, 0 B" in text
    assert "all as they were written" in text


RUNS = """
import random, sys
import nbprod

chance = random.Random(sys.argv[1])
for _ in range(15):
    n = chance.randrange(3)
    finished = nbprod.run(sys.argv[2], {"n": n})
    assert finished.status == "succeeded", finished
    try:
        assert finished["total"] == sum(range(n, 50_000 + n))
    except nbprod.MissingValue:
        pass  # removed since the run ended: there is no grace here
"""
CLEANS = """
import sys
from pathlib import Path
from nbprod.store import upkeep

upkeep.GRACE_SECONDS = upkeep.MARGIN_SECONDS = 0.0
print("ready", flush=True)
while not Path(sys.argv[2]).exists():
    upkeep.gc(Path(sys.argv[1]), upkeep.Rules(keep_last=0))
"""


@pytest.mark.slow
def test_runs_lose_nothing_while_all_that_can_go_is_removed(path, project, make_notebook):
    other = make_notebook(project / "other.ipynb", CELLS)
    nbprod.run(path)
    stop = project / "stop"
    cleaners = [
        subprocess.Popen([sys.executable, "-c", CLEANS, str(project / ".nbprod"), str(stop)], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    runs = [
        subprocess.Popen([sys.executable, "-c", RUNS, str(number), str(notebook)])
        for number, notebook in enumerate((path, other, path))
    ]
    try:
        assert [process.wait() for process in runs] == [0, 0, 0]
    finally:
        stop.touch()
        for process in cleaners:
            process.communicate()
    assert [process.returncode for process in cleaners] == [0, 0]
