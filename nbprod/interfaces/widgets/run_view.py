"""A run in a notebook: its picture while it lasts, and a form that begins it."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.core.drawing import Drawing, draw
from nbprod.core.errors import NbprodError
from nbprod.core.pipeline import Pipeline, Stage
from nbprod.core.run import Run
from nbprod.interfaces.widgets import controls
from nbprod.interfaces.widgets.live import LiveView
from nbprod.interfaces.widgets.picture import SIZES
from nbprod.interfaces.widgets.render import page, plain
from nbprod.interfaces.widgets.work import Work, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from nbprod.core.run import Event

    Source = str | os.PathLike[str]


class RunView(LiveView):
    """Shows a run as a picture of its pipeline, while it goes on and afterwards.

    Of a notebook's path: a form of its parameters, with buttons that run it and stop the run; the kernel stays free.
    Of a pipeline: what `api.run` tells it as a listener. Of a run: that run.

    Parameters
    ----------
    shown
        A notebook's path (or several, run as one pipeline), a pipeline, or a run.
    parameters
        Values to begin with, by name; texts as `-p` has them, or values. Of a path only.
    """

    def __init__(
        self,
        shown: Source | Sequence[Source] | Pipeline | Run,
        *,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.parameters: dict[str, str] = {name: controls.text(value) for name, value in (parameters or {}).items()}
        self.force = False
        self._paths: list[Path] = []
        self._file: Path | None = None
        self._pipeline: Pipeline | None = None
        if isinstance(shown, Run):
            self._pipeline, self._run = pipeline_of(shown), shown.as_json()
        elif isinstance(shown, Pipeline):
            self._pipeline, self._run = shown, _begun(shown, "none")
        else:
            many = [shown] if isinstance(shown, str | os.PathLike) else shown
            self._paths = [Path(path).resolve() for path in many]
            self._pipeline = api.analyze(self._paths)
            self._run = _begun(self._pipeline, "none")
        self._drawing_of = _layout(self._pipeline)

    @property
    def run(self) -> Mapping[str, Any]:
        """The run as far as it got: the object of `run --json`."""
        return self._run

    def start(self) -> Self:
        """Run the notebook with the parameters of the form; returns at once."""
        from nbprod.config import Project

        if not self._paths or self.working:
            return self
        self._pipeline = api.sound(api.analyze(self._paths))
        self._drawing_of = _layout(self._pipeline)
        name = secrets.token_hex(4)
        self._file = Project.find(self._paths[0]).home / "runs" / name / "run.json"
        self._run = {**_begun(self._pipeline, "running"), "run": name, "began": time.time()}
        given = [f"-p{name}={value}" for name, value in self.parameters.items()]
        options = [*given, "--run-id", name, *(["--force"] if self.force else [])]
        self._begin(Work(["run", *map(str, self._paths), *options], self._paths[0].parent))
        return self

    def show(self) -> None:
        """Display the view; that of a pipeline appears with the first event of its run."""
        if self._paths or self._run["status"] != "none":
            super().show()
        else:
            self.expect()

    def listen(self, event: Event) -> None:
        """Take one event of the run."""
        if event.kind == "run-started":
            self._started(event.data)
        elif event.kind == "stage-started" and event.stage:
            self._put(event.stage, status="running", started=time.time())
        elif event.kind == "cell-started" and event.stage:
            self._put(event.stage, cell=event.data.get("cell"))
        elif event.kind == "stage-finished" and event.stage:
            self._put(event.stage, **event.data)
        elif event.kind == "run-finished":
            self._run = {**self._run, **event.data}
            self.close(failed=event.data.get("status") == "failed")

    def close(self, *, failed: bool = False) -> None:
        """Draw the end of a run that was listened to; one that told of no end was interrupted."""
        if self._run["status"] == "running":
            self._run = {**self._run, "status": "interrupted", "stages": _left(self._run)}
        super().close(failed=failed)

    def to_html(self) -> str:
        """Return picture, numbers and error as HTML that needs neither script nor kernel."""
        error = self._error or self._run.get("error")
        return page({**self._run, "error": error}, self._drawing_of)

    def to_text(self) -> str:
        """Return the same as text."""
        return plain({**self._run, "error": self._error or self._run.get("error")})

    def _started(self, about: Mapping[str, Any]) -> None:
        stages = [{"name": name, "status": "pending"} for name in about.get("stages", ())]
        begun = {"run": about.get("run"), "parameters": about.get("parameters") or {}, "began": time.time()}
        self._run = {**self._run, **begun, "status": "running", "error": None, "stages": stages}
        self._news()

    def _put(self, name: str, **changed: Any) -> None:
        """Change a stage's row; gate, test and model come up only when they run."""
        stages = list(self._run["stages"])
        at = next((at for at, stage in enumerate(stages) if stage["name"] == name), len(stages))
        stages[at : at + 1] = [{**(stages[at] if at < len(stages) else {"name": name}), **changed}]
        self._run = {**self._run, "stages": stages}

    def _take_in(self) -> bool:
        if self._work is None or self._file is None:
            return super()._take_in()
        alive = self._work.alive
        record = read(self._file)
        if record:
            self._run = {**self._run, **record, "began": self._run["began"]}
        if not alive and self._run["status"] == "running":
            status = "interrupted" if self._work.interrupted else "failed"
            self._run = {**self._run, "status": status, "error": self._work.error, "stages": _left(self._run)}
        return alive

    def _controls(self) -> Any:
        if not self._paths or self._pipeline is None:
            return None
        from nbprod.interfaces.widgets.run_form import RunForm

        self._form = self._form or RunForm(self, self._pipeline)
        return self._form.box


def run_html(run: Run, pipeline: Pipeline | None = None) -> str:
    """Return a run as HTML: the picture of its pipeline, its numbers, what went wrong."""
    return page(run.as_json(), _layout(pipeline or pipeline_of(run)))


def pipeline_of(run: Run) -> Pipeline:
    """Return the pipeline of a run as its notebook now has it; where that has other stages, the run's stages alone."""
    from nbprod.config import Project

    names = [stage.name for stage in run.stages]
    try:
        found = api.analyze(Project.find(".").notebook(run.notebook))
    except (NbprodError, OSError):
        found = None
    if found is not None and [stage.name for stage in found.stages] == names:
        return found
    return Pipeline(run.notebook, tuple(Stage(name, (), ()) for name in names), (), (), (), ())


def _layout(pipeline: Pipeline) -> Drawing:
    return draw(pipeline, SIZES)


def _begun(pipeline: Pipeline, status: str) -> dict[str, Any]:
    waiting = "pending" if status == "running" else status
    stages = [{"name": stage.name, "status": waiting} for stage in pipeline.stages]
    return {"notebook": pipeline.notebook, "status": status, "stages": stages, "error": None}


def _left(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the stages of a run that ended without saying so."""
    going = ("pending", "running")
    return [{**stage, "status": "skipped"} if stage["status"] in going else dict(stage) for stage in run["stages"]]
