"""The user's own MLflow calls, unmodified, land in the run of their stage.

The environment names store, experiment and run, for programs that cells start. In this process a few functions of
MLflow are replaced: the first run that a cell starts is the stage's own, further ones become its children, a model
logged outside of any belongs to it, and `set_experiment` makes the experiment but leaves the run where it is. Where
the user chose another store, all is MLflow's.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

from . import afterimport

if TYPE_CHECKING:
    from collections.abc import Callable

    from .formats import MlflowSpec

URI = "MLFLOW_TRACKING_URI"
RUN = "MLFLOW_RUN_ID"
EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
FLUENT = "mlflow.tracking.fluent"
MODEL = "mlflow.models.model"


class Guide:
    """Leads calls to the run of one stage.

    Parameters
    ----------
    spec
        The run.
    """

    def __init__(self, spec: MlflowSpec) -> None:
        self.spec = spec
        self.used = False
        self.variables = {URI: spec["tracking_uri"], RUN: spec["run_id"], EXPERIMENT: spec["experiment"]}
        os.environ.update(self.variables)
        os.environ.pop("MLFLOW_EXPERIMENT_ID", None)

    def leave(self) -> None:
        """Leave the environment as it was found, for what is recorded of it; a store the user chose stays chosen."""
        theirs = os.environ.setdefault(URI, self.variables[URI]) != self.variables[URI]
        os.environ.update({name: self.variables[name] for name in (RUN, EXPERIMENT)})
        if not theirs:
            os.environ.pop("MLFLOW_EXPERIMENT_ID", None)

    def theirs(self) -> bool:
        """Say whether the user chose another store; then nothing of ours stays in the way."""
        mlflow: Any = sys.modules["mlflow"]
        if mlflow.get_tracking_uri() == self.spec["tracking_uri"]:
            return False
        for name, value in ((RUN, self.spec["run_id"]), (EXPERIMENT, self.spec["experiment"])):
            if os.environ.get(name) == value:
                del os.environ[name]
        return True

    def resume(self, plain: Callable[..., Any], **options: Any) -> Any:
        """Make the stage's run the active one."""
        self.used = True
        os.environ.pop(RUN, None)
        # The run keeps its own name and place; what the user called it is kept as a tag.
        name = options.pop("run_name", None)
        options = {key: options[key] for key in ("tags", "description", "log_system_metrics") if key in options}
        if name is not None:
            options["tags"] = {**(options.get("tags") or {}), "nbprod.run_name": name}
        return plain(run_id=self.spec["run_id"], **options)

    def start_run(self, plain: Callable[..., Any], fluent: Any, options: dict[str, Any]) -> Any:
        """`mlflow.start_run`."""
        if options.get("run_id") is not None or self.theirs():
            return plain(**options)
        active = fluent.active_run()
        if active is None and not self.used:
            return self.resume(plain, **options)
        os.environ.pop(RUN, None)
        if options.get("experiment_id") is None:
            options["experiment_id"] = self._experiment()
        if active is None and options.get("parent_run_id") is None:
            options["parent_run_id"] = self.spec["run_id"]
        return plain(**options)

    def set_experiment(self, plain: Callable[..., Any], fluent: Any, arguments: tuple[Any, ...], options: Any) -> Any:
        """`mlflow.set_experiment`."""
        if self.theirs():
            return plain(*arguments, **options)
        before = fluent._active_experiment_id
        try:
            experiment = plain(*arguments, **options)
        finally:
            fluent._active_experiment_id = before
            os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
        self._client().set_tag(self.spec["run_id"], "nbprod.experiment", experiment.name)
        return experiment

    def _experiment(self) -> str:
        return str(self._client().get_run(self.spec["run_id"]).info.experiment_id)

    @staticmethod
    def _client() -> Any:
        return sys.modules["mlflow"].MlflowClient()


_guides: list[Guide] = []
_waiting: list[bool] = []


def begin(spec: MlflowSpec | None) -> None:
    """Lead calls to the run of `spec`, also when MLflow is imported later."""
    end()
    if spec is None:
        return
    _guides.append(Guide(spec))
    if not _waiting:
        _waiting.append(True)
        afterimport.call(FLUENT, _replace)
        afterimport.call(MODEL, _replace_log)


def end() -> None:
    """Lead no more; a run that the stage left active is ended, as at the end of a notebook's kernel."""
    if not _guides:
        return
    fluent: Any = sys.modules.get(FLUENT)
    if fluent is not None and not _guides[0].theirs():
        while fluent.active_run() is not None:
            fluent.end_run()
    _guides.pop().leave()


def _replace(fluent: Any) -> None:
    """Put our functions in the place of MLflow's, wherever they have been imported to."""
    plain_implicit = fluent._get_or_start_run
    plain_start = fluent.start_run

    @functools.wraps(plain_implicit)
    def get_or_start_run() -> Any:
        if _guides and fluent.active_run() is None and not _guides[0].theirs():
            return _guides[0].resume(plain_start)
        return plain_implicit()

    fluent._get_or_start_run = get_or_start_run
    ours = {"start_run": _start_run(fluent), "set_experiment": _set_experiment(fluent)}
    for name, function in ours.items():
        plain = getattr(fluent, name)
        for owner in (fluent, sys.modules.get("mlflow"), sys.modules.get("mlflow.tracking")):
            if getattr(owner, name, None) is plain:
                setattr(owner, name, function)


def _replace_log(module: Any) -> None:
    """Let a model that is logged while no run is active belong to the stage's run; MLflow would leave it to none."""
    plain = module.Model.log.__func__

    @functools.wraps(plain)
    def log(cls: Any, *arguments: Any, **options: Any) -> Any:
        if _guides and options.get("run_id") is None:  # every flavour passes it by name
            fluent: Any = sys.modules[FLUENT]
            if fluent.active_run() is None and not _guides[0].theirs():
                options["run_id"] = _guides[0].spec["run_id"]
        return plain(cls, *arguments, **options)

    module.Model.log = classmethod(log)


def _start_run(fluent: Any) -> Callable[..., Any]:
    plain = fluent.start_run
    names = plain.__code__.co_varnames[1 : plain.__code__.co_argcount]

    @functools.wraps(plain)
    def start_run(run_id: str | None = None, *arguments: Any, **options: Any) -> Any:
        if not _guides:
            return plain(run_id, *arguments, **options)
        named = dict(zip(names, arguments, strict=False))
        return _guides[0].start_run(plain, fluent, {"run_id": run_id, **named, **options})

    return start_run


def _set_experiment(fluent: Any) -> Callable[..., Any]:
    plain = fluent.set_experiment

    @functools.wraps(plain)
    def set_experiment(*arguments: Any, **options: Any) -> Any:
        if not _guides:
            return plain(*arguments, **options)
        return _guides[0].set_experiment(plain, fluent, arguments, options)

    return set_experiment
