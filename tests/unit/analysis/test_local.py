"""What functions of modules beside the notebook do makes the stages volatile that use these functions, no others."""

from __future__ import annotations

import nbprod
from tests.conftest import write_notebook

HELPERS = """
import time, random
from datetime import datetime
from more import identity

def now(): return datetime.now()
def stamp(): return now().isoformat()
def plain(x): return x + 1
def named(): return identity()

class Box:
    def draw(self): return random.random()
"""
MORE = "import uuid\ndef identity(): return uuid.uuid4()\ndef fine(): return 1\n"


def volatile(folder, *cells):
    (folder / "helpers.py").write_text(HELPERS, encoding="utf-8")
    (folder / "more.py").write_text(MORE, encoding="utf-8")
    path = write_notebook(folder / "n.ipynb", [("setup", "import helpers\nfrom helpers import plain, Box"), *cells])
    return {stage.name: stage.volatile for stage in nbprod.analyze(path).stages}


def test_only_what_a_stage_uses_counts(tmp_path):
    found = volatile(
        tmp_path,
        ("stage:a", "x = helpers.stamp()"),
        ("stage:b", "y = plain(1)"),
        ("stage:c", "z = Box().draw()"),
        ("stage:d", "w = helpers.named()"),
        ("stage:e", "import more\nv = more.fine() + plain(2)"),
    )
    assert found == {
        "a": ("datetime.datetime.now reads the clock, in helpers.py",),
        "b": (),
        "c": ("random.random draws random numbers without a seed, in helpers.py",),
        "d": ("uuid.uuid4 draws entropy, in more.py",),
        "e": (),
    }


def test_a_seed_of_the_notebook_counts_for_its_modules(tmp_path):
    found = volatile(tmp_path, ("stage:a", "import random\nrandom.seed(1)"), ("stage:b", "z = Box().draw()"))
    assert found == {"a": (), "b": ()}


def test_a_module_that_is_changed_is_looked_at_again(tmp_path):
    assert volatile(tmp_path, ("stage:a", "x = helpers.now()"))["a"]
    (tmp_path / "helpers.py").write_text("def now(): return 1\ndef plain(): pass\nBox = 1\n", encoding="utf-8")
    (stage,) = nbprod.analyze(tmp_path / "n.ipynb").stages
    assert stage.volatile == ()


def test_a_module_that_is_no_python_is_left_to_the_run(tmp_path):
    volatile(tmp_path)
    (tmp_path / "helpers.py").write_text("def broken(:\n", encoding="utf-8")
    path = write_notebook(tmp_path / "n.ipynb", [("stage:a", "import helpers\nhelpers.broken()")])
    (stage,) = nbprod.analyze(path).stages
    assert stage.volatile == ()
