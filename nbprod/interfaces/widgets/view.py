"""The live view: an ipywidgets HTML that every event of the run updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.interfaces.widgets.render import page

if TYPE_CHECKING:
    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Event

DRAWN = ("run-started", "stage-started", "stage-finished", "run-finished")


class RunView:
    """Shows a run of `pipeline` while it goes on: call `show`, give `listen` to the run.

    When the run is over, plain HTML takes the view's place, so that the saved notebook shows the result without a
    kernel.

    Parameters
    ----------
    pipeline
        What will run.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._run: dict[str, Any] = {"notebook": pipeline.notebook, "status": "running", "stages": [], "error": None}
        self._stages: dict[str, dict[str, Any]] = {}
        self._widget: Any = None
        self._wanted = False
        self._expect([stage.name for stage in pipeline.stages])

    def show(self) -> None:
        """Display the view from the first event on: a run that is refused before it begins shows its error only."""
        self._wanted = True

    def listen(self, event: Event) -> None:
        """Take one event of the run."""
        if event.kind == "run-started":
            self._run["run"] = event.data.get("run")
            self._expect(list(event.data.get("stages", ())))
        elif event.kind == "stage-started" and event.stage:
            self._stage(event.stage)["status"] = "running"
        elif event.kind == "stage-finished" and event.stage:
            self._stage(event.stage).update(event.data)
        elif event.kind == "run-finished":
            self._run.update(event.data)
        if self._wanted and event.kind in DRAWN:
            self._draw(over=event.kind == "run-finished")

    def _repr_html_(self) -> str:
        return page(self._run)

    def _expect(self, names: list[str]) -> None:
        self._stages = {name: self._stages.get(name, {"name": name, "status": "pending"}) for name in names}
        self._run["stages"] = list(self._stages.values())

    def _stage(self, name: str) -> dict[str, Any]:
        """Return a stage's row; gate, test and model come up only when they run."""
        if name not in self._stages:
            self._expect([*self._stages, name])
        return self._stages[name]

    def _draw(self, *, over: bool) -> None:
        from IPython.display import HTML, display

        text = page(self._run)
        if self._widget is None and not over:
            self._widget = _live(text)
            if self._widget is not None:
                display(self._widget)
        if self._widget is not None:
            self._widget.value = text
        if over:
            if self._widget is not None:
                self._widget.close()
            display(HTML(text))


def _live(text: str) -> Any:
    """Return a live widget, None where there is no notebook to draw it."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    from ipywidgets import HTML

    return HTML(value=text)
