"""A stage that runs before there is one: what takes time the first time has been done when a true one comes.

Whatever it touches is put back: the namespace, what the shell remembers, the working directory.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from . import environment, model, preload, state
from .cells import Cells
from .formats import EMPTY
from .memory import Memory
from .stage import Stage

if TYPE_CHECKING:
    from .formats import ModelSpec, StageSpec, StepSpec

SCENES = {
    "": "import os\nnumber, text, things = 1.5, 'two', {'three': [4, (5, None)]}\nprint(number)\nthings",
    "numpy": "import numpy\narray = numpy.arange(40.0).reshape(8, 5)\nrows = array[:2]",
    "pandas": "import pandas\ntable = pandas.DataFrame({'a': [1.5, 2.5], 'b': ['x', 'y'], 'c': [True, False]})\n"
    "rows = table[['a']]\ntable",
    "sklearn.tree": "import sklearn.tree\nmodel = sklearn.tree.DecisionTreeClassifier().fit(rows, [0, 1])",
}
"""What is executed, if the module is there already."""


class Silence:
    """A sink that keeps nothing."""

    index = 0
    widget = None

    def event(self, event: dict[str, Any]) -> None:
        """Take an event."""

    def output(self, output: dict[str, Any]) -> None:
        """Take an output."""


def rehearse() -> None:
    """Run a stage through all that a true one goes through, and write its model, in a folder that vanishes."""
    was, used = os.getcwd(), set(preload.used)  # noqa: PTH109 - given back as it is
    cells = Cells(Silence())  # type: ignore[arg-type]  # all that a sink is here
    before = dict(cells.namespace)
    streams = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory(prefix="nbprod-rehearsal-") as folder, open(os.devnull, "w") as nothing:  # noqa: PTH123
        sys.stdout = sys.stderr = nothing
        try:
            stage = Stage(_spec(folder), cells.namespace, Memory())
            stage.begin(cells.execute)
            stage.run(cells.execute)
            stage.end()
            if "model" in cells.namespace:
                model.write(_model(stage.spec, folder), cells.namespace)
        finally:
            sys.stdout, sys.stderr = streams
            os.chdir(was)
    cells.forget()
    cells.end()
    cells.namespace.clear()
    cells.namespace.update(before)
    state.forget()
    environment.forget()
    preload.used.clear()
    preload.used.update(used)


def _spec(folder: str) -> StageSpec:
    scenes = [source for module, source in SCENES.items() if not module or module in sys.modules]
    return {
        **EMPTY,
        "stage": "rehearsal",
        "steps": [_step("replay", 1, "import os"), *(_step("cell", at, text) for at, text in enumerate(scenes, 2))],
        "outputs": ["number", "text", "things", "array", "rows", "table", "model"],
        "metrics": ["number"],
        "buffers": f"{folder}/buffers",
        "manifest": f"{folder}/manifest.json",
        "cwd": folder,
    }


def _model(stage: StageSpec, folder: str) -> ModelSpec:
    return {
        "stage": stage,
        "kind": "estimator",
        "names": ["model"],
        "samples": ["rows"],
        "path": f"{folder}/model",
        "name": "model",
        "run": "",
        "notebook": "",
    }


def _step(kind: str, cell: int, source: str) -> StepSpec:
    return {"kind": kind, "cell": cell, "cell_id": f"rehearsal-{cell}", "source": source, "first_line": 1}
