"""A sweep in a notebook: a form of values to try, the trials ranked while they are made, small plots."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from nbprod import api
from nbprod.core.errors import UsageError
from nbprod.core.leaderboard import board, plain
from nbprod.interfaces.widgets import controls
from nbprod.interfaces.widgets.live import LiveView
from nbprod.interfaces.widgets.work import Work, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from nbprod.core.sweep import Sweep

    Source = str | os.PathLike[str]


class How(TypedDict, total=False):
    """How the values of a sweep are found."""

    search: str | None
    trials: int | None
    seed: int | None


class SweepView(LiveView):
    """Tries values of a notebook's parameters and ranks the runs by a metric.

    A form chooses the values; every trial is a run, of which what the values do not touch is reused. The kernel stays
    free. As the `watch` of `api.sweep` it shows that sweep.

    Parameters
    ----------
    path
        A notebook, or several as one pipeline.
    metric
        What ranks the runs; by default the first that a stage records.
    maximize
        Whether the largest is the best.
    grid
        Values to begin with, by parameter: texts as `1,2,3`, `2:10:2` or `0.001..0.1:log`, or values.
    parameters
        Values that all runs have, by name.
    search, trials, seed
        `grid`, `random` or `optuna`, how many, and what makes it the same another time; see `api.sweep`.
    """

    def __init__(
        self,
        path: Source | Sequence[Source],
        metric: str | None = None,
        maximize: bool = True,
        *,
        grid: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        **how: Unpack[How],
    ) -> None:
        super().__init__()
        many = [path] if isinstance(path, str | os.PathLike) else path
        self._paths = [Path(item).resolve() for item in many]
        self._pipeline = api.analyze(self._paths)
        self.metrics = sorted({name for stage in self._pipeline.stages for name in stage.options.metrics})
        self.metric = metric or (self.metrics[0] if self.metrics else "")
        self.maximize = maximize
        self.grid = {name: _text(values) for name, values in (grid or {}).items()}
        self.parameters = {name: controls.text(value) for name, value in (parameters or {}).items()}
        self.search, self.trials, self.seed = how.get("search"), how.get("trials"), how.get("seed")
        self._file: Path | None = None
        self._began: dict[int, float] = {}
        self._sweep: dict[str, Any] = self._none("none")

    @property
    def sweep(self) -> Mapping[str, Any]:
        """The sweep as far as it got: the object of `sweep --json`."""
        return self._sweep

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The best trial so far: `number`, `parameters`, `run`, `value`; None before there is one."""
        return next((trial for trial in self._sweep["trials"] if trial["number"] == self._sweep["best"]), None)

    def start(self) -> Self:
        """Begin the sweep that the form describes; returns at once."""
        from nbprod.config import Project

        if self.working:
            return self
        if not self.grid or not self.metric:
            missing = "a metric" if self.grid else "a parameter with values to try"
            raise UsageError("NB408", f"a sweep needs {missing}", "tick a parameter and give values such as 1, 2, 3")
        api.sound(api.analyze(self._paths))
        name = secrets.token_hex(4)
        self._file = Project.find(self._paths[0]).home / "sweeps" / f"{name}.json"
        self._sweep, self._began = self._none("running"), {}
        values = [f"-p{name}={text}" for name, text in self.grid.items()]
        fixed = [f"--with={name}={text}" for name, text in self.parameters.items() if name not in self.grid]
        rank = [f"--metric={self.metric}", *(["--maximize"] if self.maximize else [])]
        trials = self.trials if self.search in ("random", "optuna") else None
        how = {"search": self.search, "trials": trials, "seed": self.seed}
        chosen = [f"--{option}={given}" for option, given in how.items() if given is not None]
        command = ["sweep", *map(str, self._paths), *values, *fixed, *rank, *chosen, f"--sweep-id={name}"]
        self._begin(Work(command, self._paths[0].parent))
        return self

    def watch(self, sweep: Sweep) -> None:
        """Take a sweep as it is now, from `api.sweep`."""
        self._take(sweep.as_json())
        self._news()

    def to_html(self) -> str:
        """Return best, plots and table as HTML that needs neither script nor kernel."""
        return board(self._sweep, self._error)

    def to_text(self) -> str:
        """Return the trials as text."""
        return plain(self._sweep, self._error)

    def _none(self, status: str) -> dict[str, Any]:
        about = {"notebook": self._pipeline.notebook, "metric": self.metric or "metric", "maximize": self.maximize}
        return {**about, "trials": [], "best": None, "status": status}

    def _take(self, sweep: Mapping[str, Any]) -> None:
        for trial in sweep["trials"]:
            if trial["status"] == "running":
                self._began.setdefault(trial["number"], time.time())
        trials = [{**trial, "began": self._began.get(trial["number"])} for trial in sweep["trials"]]
        self._sweep = {**sweep, "trials": trials}

    def _take_in(self) -> bool:
        if self._work is None or self._file is None:
            return super()._take_in()
        alive = self._work.alive
        record = read(self._file)
        if record:
            self._take(record)
        if not alive:
            self._error = self._work.error
            if not record:
                self._sweep = self._none("interrupted" if self._work.interrupted else "failed")
        return alive

    def _controls(self) -> Any:
        from nbprod.interfaces.widgets.sweep_form import SweepForm

        self._form = self._form or SweepForm(self, self._pipeline)
        return self._form.box


def _text(values: Any) -> str:
    """Return values as a text that lists them; text among them stands in quotes, as it may hold a comma."""
    return values if isinstance(values, str) else ",".join(map(repr, values))
