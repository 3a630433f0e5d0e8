"""What a stage depends on beyond its code and inputs, and how `why` tells it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import nbprod


@pytest.fixture
def told(project, make_notebook, forked_stages):
    """Run cells once; return what a second run, after a change, says of each stage it ran again."""

    def first(*cells):
        make_notebook(project / "a.ipynb", [(f"stage:{name}", source) for name, source in cells])
        nbprod.run("a.ipynb")
        return again

    def again():
        run = nbprod.run("a.ipynb")
        return run, {stage.name: stage.reason for stage in run.stages if stage.status != "cached"}

    return first


def test_files_that_are_only_asked_for(told):
    Path("d.txt").write_text("1")
    again = told(
        ("a", "import os\nthere = os.path.exists('e.txt')"),
        ("b", "from pathlib import Path\nsize = Path('d.txt').stat().st_size"),
        (
            "c",
            "os.makedirs('out', exist_ok=True)\nif not os.path.isdir('more'): os.mkdir('more')\nx = os.path.isfile('d.txt')",
        ),
    )
    assert again()[1] == {}
    Path("e.txt").touch()
    Path("d.txt").write_text("333")
    run, reasons = again()
    assert reasons == {"a": "file e.txt is new", "b": "file d.txt changed"}
    assert (run["there"], run["size"]) == (True, 3)


def test_all_variables_at_once(told, monkeypatch):
    again = told(("a", "import os\nx = dict(os.environ).get('BRAND_NEW')"))
    assert again()[1] == {}
    monkeypatch.setenv("BRAND_NEW", "1")
    run, reasons = again()
    assert reasons == {"a": "other environment variables are set"}
    assert run["x"] == "1"


def test_a_moved_project_keeps_its_snapshots(told, project, monkeypatch):
    Path("d.txt").write_text("1")
    Path("in").mkdir()
    Path("helper.py").write_text("v = 'q'")
    again = told(
        ("a", "import helper, glob\nx = open('d.txt').read() + helper.v + str(glob.glob('in/*.csv'))"),
        ("b", "n = open('out.txt', 'w').write(x)"),
        ("c", "y = open('out.txt').read()"),
    )
    moved = project.with_name("moved")
    shutil.copytree(project, moved)
    monkeypatch.chdir(moved)
    assert again()[1] == {}
    Path("in/new.csv").touch()
    assert again()[1]["a"] == "the list of files in in changed"


def test_files_moved_and_removed_stay_so(told):
    again = told(
        ("a", "n = open('t.txt', 'w').write('1')"),
        ("b", "import os\nos.rename('t.txt', 'u.txt')"),
        ("c", "y = open('u.txt').read()\nos.remove('u.txt')"),
    )
    assert again()[1] == {}
    assert not Path("t.txt").exists()
    assert not Path("u.txt").exists()


def test_data_of_the_users_own_modules(told):
    Path("helper.py").write_text(
        "import random\nrng = random.Random(3)\nn = 0\ndef count():\n    global n\n    n += 1\n    return n\ndef pure(): return 1\n"
        "class K:\n    seen = []"
    )
    again = told(
        ("a", "import helper\nx, d = helper.count(), helper.rng.random()"),
        ("b", "y, e = helper.count(), helper.rng.random()\nhelper.K.seen.append(1)"),
        ("c", "z = len(helper.K.seen)"),
    )
    run, reasons = again()
    assert reasons == {}
    assert (run["x"], run["y"], run["z"]) == (1, 2, 1)
    assert run["d"] != run["e"]


def test_what_why_says(told, project, make_notebook, monkeypatch):
    cells = [("parameters", "n = 1"), ("stage:a", "import warnings\nx = n"), ("stage:b", "y = 1")]
    make_notebook(project / "a.ipynb", cells)
    nbprod.run("a.ipynb")

    def reasons():
        return {stage.name: stage.reason for stage in nbprod.run("a.ipynb").stages if stage.status != "cached"}

    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert "OMP_NUM_THREADS" in reasons()["b"]
    cells[0] = ("parameters", "n = 2")
    make_notebook(project / "a.ipynb", cells)
    assert reasons() == {"a": "n 1 → 2"}
    cells[1] = ("stage:a", "import warnings\nx = n  # a comment\nwarnings.simplefilter('error')")
    make_notebook(project / "a.ipynb", cells)
    assert reasons() == {"a": "code of cell 2 changed", "b": "state outside variables changed (warnings)"}
