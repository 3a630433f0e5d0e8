"""A deployment in a notebook: where to, its steps with seconds, the endpoint's card, a form to try it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.core.errors import DeployError, NbprodError
from nbprod.interfaces.widgets import controls
from nbprod.interfaces.widgets.card import card, plain
from nbprod.interfaces.widgets.live import LiveView
from nbprod.interfaces.widgets.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from nbprod.core.run import Event

    Source = str | os.PathLike[str]


class DeployView(LiveView):
    """Puts a notebook's model on a target, shows the endpoint and tries it.

    The notebook is run first where it changed; the kernel stays free. As the `watcher` of `api.deploy` or
    `api.rollback` it shows their steps.

    Parameters
    ----------
    path
        A notebook, or several as one pipeline.
    target
        Where to, to begin with.
    parameters
        Values of the notebook's parameters, by name, that the model is made with.
    """

    def __init__(
        self,
        path: Source | Sequence[Source],
        target: str = "local",
        *,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        many = [path] if isinstance(path, str | os.PathLike) else path
        self._paths = [Path(item).resolve() for item in many]
        pipeline = api.analyze(self._paths)
        self.target = target
        self.parameters = {name: controls.text(value) for name, value in (parameters or {}).items()}
        self.name = pipeline.name
        self._shown: dict[str, Any] = {"notebook": pipeline.notebook, "status": "none", "steps": [], "endpoint": None}
        self._look()

    @property
    def endpoint(self) -> Mapping[str, Any] | None:
        """The endpoint, if there is one: the object of `deploy --json`."""
        found: Mapping[str, Any] | None = self._shown["endpoint"]
        return found

    @property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        """What was done so far: `name`, `stage`, `state`, `seconds`."""
        found: Sequence[Mapping[str, Any]] = self._shown["steps"]
        return found

    @property
    def past(self) -> Sequence[Mapping[str, Any]]:
        """What the endpoint serves and served, newest first."""
        found: Sequence[Mapping[str, Any]] = self._shown.get("versions") or ()
        return found

    def start(self) -> Self:
        """Put the model on the target; returns at once."""
        given = [f"-p{name}={text}" for name, text in self.parameters.items()]
        return self._do(["deploy", *map(str, self._paths), f"--target={self.target}", *given])

    def roll_back(self) -> Self:
        """Put the model back that was deployed before; returns at once."""
        return self._do(["rollback", self._deployed()])

    def stop_endpoint(self) -> None:
        """Stop the endpoint and forget it."""
        api.stop_endpoint(self._deployed(), self._paths[0])
        self._shown = {**self._shown, "status": "none", "steps": [], "answer": None}
        self._look()
        self._tell()
        self.draw()

    def sample(self) -> Mapping[str, Any]:
        """Return the recorded rows of the endpoint's model, with the notebook's own predictions."""
        return api.sample(self._deployed(), self._paths[0])

    def predict(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask the endpoint for a row, and compare with the notebook's answer where it is a recorded one."""
        from nbprod.serving.evidence import difference

        name = self._deployed()
        found = api.predict(name, [row], self._paths[0])
        sample = self.sample()
        at = next((at for at, known in enumerate(sample["rows"]) if known == row), None)
        got, chances = found["predictions"][0], (found.get("probabilities") or [None])[0]
        answer = {"row": dict(row), "prediction": got, "probabilities": chances, "expected": None, "equal": None}
        if at is not None:
            near = difference(sample["predictions"][at], got)
            answer |= {"expected": sample["predictions"][at], "equal": near is not None and near[1]}
        self._shown = {**self._shown, "answer": answer, "health": api.health(name, self._paths[0])}
        self.draw()
        return answer

    def listen(self, event: Event) -> None:
        """Take one event of a run that is part of it."""
        if event.kind == "stage-started" and event.stage:
            self._put(event.stage, stage=event.stage, state="running", began=time.time())
        elif event.kind == "stage-finished" and event.stage:
            self._put(event.stage, stage=event.stage, state=event.data.get("status"), seconds=event.data.get("seconds"))

    def step(self, text: str) -> None:
        """Take the name of what is done now; what was done before is over."""
        self._settle("succeeded")
        self._put(text, state="running", began=time.time())

    def close(self, *, failed: bool = False) -> None:
        """Draw the end of a deployment that was watched, and its endpoint."""
        if not self._ended.is_set() and self._heard:
            self._look()
            status = "failed" if failed else "succeeded"
            self._settle(status)
            self._shown = {**self._shown, "status": status}
        super().close(failed=failed)

    def to_html(self) -> str:
        """Return steps, card and last answer as HTML that needs neither script nor kernel."""
        return card(self._now())

    def to_text(self) -> str:
        """Return the same as text."""
        return plain(self._now())

    def _now(self) -> dict[str, Any]:
        steps = [
            {**step, "seconds": int(time.time() - step["began"])}
            if step["state"] == "running" and step.get("began")
            else step
            for step in self._shown["steps"]
        ]
        return {**self._shown, "steps": steps, "error": self._error}

    def _deployed(self) -> str:
        if self.endpoint is None:
            raise DeployError("NB720", f"nothing is deployed from {self._shown['notebook']}", "press Deploy first")
        return str(self.endpoint["endpoint"])

    def _do(self, command: Sequence[str]) -> Self:
        if not self.working:
            self._shown = {**self._shown, "status": "running", "steps": [], "answer": None}
            self._begin(Work(command, self._paths[0].parent))
        return self

    def _look(self) -> bool:
        """See what is deployed now."""
        where = self._paths[0]
        found = next((item for item in api.endpoints(where) if item.endpoint == self.name), None)
        told: dict[str, Any] = {"endpoint": None, "health": None, "versions": []}
        if found is not None:
            fields = ("endpoint", "url", "target", "model", "version", "state")
            told["endpoint"] = {name: getattr(found, name) for name in fields}
            told["health"] = _or_none(lambda: api.health(found.endpoint, where))
            told["versions"] = _or_none(lambda: api.versions(found.endpoint, where)) or []
        self._shown = {**self._shown, **told}
        return found is not None

    def _put(self, name: str, **changed: Any) -> None:
        steps = list(self._shown["steps"])
        stage = changed.get("stage")
        at = next((at for at, step in enumerate(steps) if (step["name"], step["stage"]) == (name, stage)), len(steps))
        before = steps[at] if at < len(steps) else {"name": name, "stage": None, "seconds": None}
        steps[at : at + 1] = [{**before, **changed}]
        self._shown = {**self._shown, "steps": steps, "status": "running"}
        self._news()

    def _settle(self, state: str) -> None:
        steps = [
            {**step, "state": state, "seconds": round(time.time() - step["began"], 3)}
            if step["state"] == "running"
            else step
            for step in self._shown["steps"]
        ]
        self._shown = {**self._shown, "steps": steps}

    def _take_in(self) -> bool:
        if self._work is None:
            return super()._take_in()
        alive = self._work.alive
        self._shown = {**self._shown, "steps": self._work.steps()}
        if not alive:
            self._error = self._work.error
            result = self._work.result
            self.name = str(result.get("endpoint") or self.name)
            self._look()
            status = "interrupted" if self._work.interrupted else "failed" if self._error else "succeeded"
            self._shown = {**self._shown, "status": status}
        return alive

    def _controls(self) -> Any:
        from nbprod.interfaces.widgets.deploy_form import DeployForm

        self._form = self._form or DeployForm(self, api.targets(self._paths[0]))
        return self._form.box


def _or_none(ask: Callable[[], Any]) -> Any:
    """Return what an endpoint tells of itself; None where it cannot be asked, which its state says."""
    try:
        return ask()
    except NbprodError:
        return None
