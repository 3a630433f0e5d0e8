"""The verbs, each a few lines: find the project, take the steps in order, return what `core` describes.

Everything people or programs do goes through here; command line, magics, server and widgets add no logic.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import Project, require_notebook
from nbprod.core.errors import AnalysisError, DeployError, ModelError, NotebookError, UsageError
from nbprod.core.model import Model
from nbprod.core.run import RunOptions, RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nbprod.analysis import Readiness
    from nbprod.core.model import Endpoint, Image
    from nbprod.core.notebook import Notebook, Tag
    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Listener, Run, StagePlan, Verification
    from nbprod.scheduling import Schedule, Schedules
    from nbprod.serving.model import LoadedModel

Source = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What `check` found: the pipeline with its diagnostics, and how ready the notebook is."""

    pipeline: Pipeline
    readiness: Readiness

    def as_json(self) -> dict[str, Any]:
        """Return the object of `check --json`."""
        fields = ("code", "severity", "cell", "cell_id", "line", "message", "fix", "notebook")
        found = [{name: getattr(item, name) for name in fields} for item in self.pipeline.diagnostics]
        return {"diagnostics": found, "readiness": self.readiness.as_json()}


def read(paths: Source | Sequence[Source], project: Project, draft: Path | None = None) -> list[Notebook]:
    """Return the notebooks at `paths`, or what `draft` holds in their place; raises `NotebookError` if unreadable."""
    from nbprod import notebooks

    many = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    return [notebooks.read(draft or require_notebook(path), project.relative(path)) for path in many]


def analyze(path: Source | Sequence[Source]) -> Pipeline:
    """Return the pipeline of a notebook, or of several in the order given; the user's mistakes are its diagnostics."""
    from nbprod import analysis

    return analysis.analyze(read(path, project_of(path)))


def project_of(path: Source | Sequence[Source], profile: str | None = None) -> Project:
    """Return the project of a notebook, or of the first of several."""
    first = path if isinstance(path, str | os.PathLike) else path[0]
    return Project.find(first, profile)


def check(path: Source | Sequence[Source], *, draft: Path | None = None) -> CheckResult:
    """Return diagnostics and readiness of a notebook; nothing is executed. `draft` is a file of its unsaved content."""
    from nbprod import analysis

    pipeline = analysis.analyze(read(path, project_of(path), draft))
    return CheckResult(pipeline, analysis.readiness(pipeline, _facts(pipeline, project_of(path))))


def explain(code: str) -> str:
    """Return why a diagnostic exists, with an example; raises `UsageError` for an unknown code."""
    from nbprod import analysis

    return analysis.explain(code)


def graph(path: Source | Sequence[Source], style: str = "text") -> str:
    """Return the pipeline's picture: `text`, `json`, `mermaid` or `svg`."""
    from nbprod import analysis

    return analysis.draw(analyze(path), style)


def tag(path: Source, cell: int | str, tag: Tag | None) -> None:
    """Write (or with None, remove) the tag of a cell, named by its number or id; nothing else in the file changes."""
    from nbprod import notebooks

    notebooks.write_tag(require_notebook(path), cell, tag)


def suggest(path: Source, *, apply: bool = False) -> list[dict[str, Any]]:
    """Propose a stage for each code cell of an untagged notebook, and write them as tags when `apply`."""
    from nbprod import analysis
    from nbprod.core.notebook import Tag

    found = analysis.suggest(read(path, project_of(path))[0])
    for item in found if apply else []:
        stage = item["stage"]
        tag(path, item["cell"], Tag("stage", stage) if stage else Tag(item["role"]))
    return found


def run(
    path: Source | Sequence[Source],
    parameters: Mapping[str, Any] | None = None,
    *,
    options: RunOptions | None = None,
    listeners: Sequence[Listener] = (),
    profile: str | None = None,
    wait: bool = False,
) -> Run:
    """Run a notebook as a cached pipeline.

    Parameters
    ----------
    path
        A notebook, or several as one pipeline in the order given.
    parameters
        Overrides by name.
    options
        What else was asked of the run.
    listeners
        Receive the run's events.
    profile
        Settings of `[tool.nbprod.profile.NAME]`.
    wait
        Wait until MLflow knows of the run, so that `model.version` and `model.uri` are set.

    Returns
    -------
    Run
        The finished run; `run["df"]` gives its values.

    Raises
    ------
    AnalysisError
        The notebook was refused before anything ran.
    PlanError
        A parameter or stage does not exist, or a value cannot cross.
    StageFailed
        A cell raised or its process died; the error carries the run.
    """
    from nbprod import execution, tracking

    project = project_of(path, profile)
    pipeline = sound(analyze(path))
    given = {**project.settings.get("parameters", {}), **(parameters or {})}
    asked = replace(options or RunOptions(), parameters=execution.parameters(pipeline, given))
    journal = tracking.Journal(project)
    heard = [journal.listener(pipeline, asked), *listeners]
    finished = execution.run(pipeline, project, asked, heard, journal)
    tracking.spawn_publisher(project)
    if wait:
        tracking.wait(project, finished.id)
        finished = show(finished.id, project.root)
    if finished.error is not None:
        raise finished.error
    return finished


def sound(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline when it may run; raises `AnalysisError` with all diagnostics otherwise."""
    if pipeline.errors:
        raise AnalysisError.of(pipeline.diagnostics)
    return pipeline


def why(path: Source, stage: str, parameters: Mapping[str, Any] | None = None) -> StagePlan:
    """Return what a run would do with `stage`, and why."""
    from nbprod import execution

    pipeline = sound(analyze(path))
    options = RunOptions(parameters=execution.parameters(pipeline, parameters or {}))
    return execution.why(pipeline, project_of(path), stage, options)


def verify(
    path: Source, parameters: Mapping[str, Any] | None = None, *, listeners: Sequence[Listener] = ()
) -> Verification:
    """Run the notebook top to bottom and the pipeline, each from scratch in a copy of the folder, and compare."""
    from nbprod import execution

    pipeline = sound(analyze(path))
    options = RunOptions(parameters=execution.parameters(pipeline, parameters or {}))
    return execution.verify(pipeline, project_of(path), options, listeners)


def extract(path: Source | Sequence[Source], out: Source) -> list[Path]:
    """Write one job notebook a stage below `out`, for plain papermill; returns the files."""
    from nbprod import execution

    return execution.extract(sound(analyze(path)), project_of(path), Path(out))


def history(path: Source = ".", limit: int = 20) -> list[Run]:
    """Return the newest runs of a project, or of one notebook when `path` is a file."""
    from nbprod import store

    project = Project.find(path)
    notebook = project.relative(path) if Path(path).suffix == ".ipynb" else None
    return store.history(project, notebook, limit)


def show(run_id: str, path: Source = ".") -> Run:
    """Return a run by its id or a prefix of it; raises `MissingValue` when there is none."""
    from nbprod import store

    return store.load_run(Project.find(path), run_id)


def diff(first: str, second: str, path: Source = ".") -> list[dict[str, Any]]:
    """Return what differs between two runs: parameters, metrics and stages, each with both values."""
    one, two = show(first, path), show(second, path)
    pairs: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        ("parameter", one.parameters, two.parameters),
        ("metric", one.metrics, two.metrics),
        ("stage", {s.name: s.fingerprint for s in one.stages}, {s.name: s.fingerprint for s in two.stages}),
    ]
    return [
        {"kind": kind, "name": name, "first": left.get(name), "second": right.get(name)}
        for kind, left, right in pairs
        for name in sorted({*left, *right})
        if left.get(name) != right.get(name)
    ]


def model(path: Source, options: RunOptions | None = None, listeners: Sequence[Listener] = ()) -> tuple[Model, Project]:
    """Return the model of a notebook (run when it changed) or of a model directory, and its project."""
    import json

    manifest = Path(path) / "nbprod.json"
    if manifest.is_file():
        return Model(json.loads(manifest.read_text())["name"], str(Path(path).resolve())), Project.find(".")
    if Path(path).suffix != ".ipynb":
        raise UsageError("NB912", f"{path} is neither a notebook nor a model directory", "give an .ipynb file")
    finished = run(path, options=options, listeners=listeners)
    if finished.model is None:
        raise no_model(finished)
    return finished.model, project_of(path)


def no_model(finished: Run) -> ModelError:
    """Return the error for a run that left no model."""
    note = next((text for text in finished.notes if "model" in text), "no fitted estimator reaches the end")
    return ModelError(
        "NB620", f"{finished.notebook} leaves no model: {note}", "tag a cell serve that defines predict(…)"
    )


def python_of(path: Source) -> str | None:
    """Return the interpreter of a notebook's kernel; None for a model directory, which any fitting Python serves."""
    from nbprod import execution

    if Path(path).suffix != ".ipynb":
        return None
    return str(execution.interpreter(analyze(path), project_of(path)).python)


def load_model(path: Source) -> LoadedModel:
    """Load a model directory; `.predict(df)` answers as the endpoint does. Only load models you trust: it unpickles."""
    from nbprod.serving.model import load

    return load(str(path))


def build(path: Source, tag: str | None = None, *, base: str | None = None, dockerfile: Source | None = None) -> Image:
    """Make a container image of a model, or with `dockerfile` only the folder that builds it."""
    from nbprod import packaging

    found, project = model(path)
    return packaging.build(found, project, tag=tag, base=base, dockerfile=Path(dockerfile) if dockerfile else None)


@contextmanager
def serve(path: Source, host: str = "127.0.0.1", port: int | None = None) -> Iterator[str]:
    """Serve a model until the block ends; yields the URL once it is healthy."""
    from nbprod import deploy as deploying

    found, project = model(path)
    with deploying.serve(found, project, host=host, port=port, python=python_of(path)) as url:
        yield url


def deploy(
    path: Source,
    target: str = "local",
    *,
    name: str | None = None,
    port: int | None = None,
    step: Callable[[str], None] | None = None,
    options: RunOptions | None = None,
) -> Endpoint:
    """Put a model on a target and wait until it answers as the notebook did; raises `DeployError` otherwise."""
    from nbprod import deploy as deploying
    from nbprod import packaging

    say = step or (lambda _text: None)
    say("run")
    found, project = model(path, options)
    image = None
    if target != "local":
        say("build")
        image = packaging.build(found, project, tag=None, base=None, dockerfile=None)
    say("start")
    python = python_of(path)
    return deploying.deploy(
        found, project, target=target, name=name or found.name, port=port, image=image, python=python
    )


def endpoints(path: Source = ".") -> list[Endpoint]:
    """Return what is deployed from this project, on every target this machine can use."""
    from nbprod import deploy as deploying

    return list(deploying.endpoints(Project.find(path)))


def endpoint(name: str, path: Source = ".") -> Endpoint:
    """Return one endpoint; raises `DeployError` naming those there are."""
    found = endpoints(path)
    for item in found:
        if item.endpoint == name:
            return item
    known = ", ".join(item.endpoint for item in found) or "none"
    raise DeployError("NB720", f"there is no endpoint {name}", f"endpoints: {known}")


def stop_endpoint(name: str, path: Source = ".") -> None:
    """Stop an endpoint and forget it."""
    from nbprod import deploy as deploying

    deploying.stop(Project.find(path), name)


def endpoint_logs(name: str, path: Source = ".", lines: int = 100) -> str:
    """Return the last lines an endpoint wrote."""
    from nbprod import deploy as deploying

    return deploying.logs(Project.find(path), name, lines)


def predict(name: str, rows: Sequence[Mapping[str, Any]], path: Source = ".") -> dict[str, Any]:
    """Send rows to an endpoint, by its name or URL, and return its answer."""
    from nbprod import deploy as deploying

    url = name if name.startswith(("http://", "https://")) else endpoint(name, path).url
    return deploying.predict(url, rows)


def sample(name: str, path: Source = ".") -> dict[str, Any]:
    """Return the recorded rows of an endpoint's model with the notebook's own predictions on them."""
    from nbprod import deploy as deploying

    return deploying.sample(Project.find(path), name)


def schedules(path: Source = ".") -> Schedules:
    """Return the schedules of a project."""
    from nbprod.scheduling import Schedules

    return Schedules(Project.find(path))


def run_scheduled(schedule: Schedule, project: Project) -> Run:
    """Run what a schedule asks for, as an ordinary run."""
    options = RunOptions(trigger="schedule")
    return run(project.notebook(schedule.notebook), schedule.parameters, options=options)


def monitor(name: str, path: Source = ".") -> dict[str, Any]:
    """Compare what an endpoint was asked with its model's training data."""
    from nbprod import monitoring

    return monitoring.report(Project.find(path), endpoint(name, path))


def export(path: Source | Sequence[Source], to: str, out: Source) -> list[Path]:
    """Write the pipeline for another system below `out`; returns the files."""
    from nbprod import plugins

    return list(plugins.exporter(to).export(sound(analyze(path)), Path(out)))


def processes(path: Source = ".") -> list[dict[str, Any]]:
    """Return the background processes of a project."""
    from nbprod import deploy as deploying
    from nbprod import tracking

    project = Project.find(path)
    own = [*deploying.processes(project), *tracking.processes(project)]
    return own + schedules(path).processes()


def secret(name: str) -> str:
    """Return a secret from the environment variable `name`; it never enters fingerprints, logs or images.

    Raises
    ------
    NotebookError
        The variable is not set.
    """
    try:
        return os.environ[name]
    except KeyError:
        raise NotebookError(
            "NB921", f"the secret {name} is not set", f"nbprod run --env-file FILE, or export {name}=…"
        ) from None


def _facts(pipeline: Pipeline, project: Project) -> dict[str, bool]:
    """Return what past runs say of a notebook's readiness."""
    from nbprod import store

    past = store.history(project, pipeline.notebook, 20)
    done = [item for item in past if item.status is RunStatus.SUCCEEDED]
    return {
        "runs": bool(done),
        "verified": store.verified(project, pipeline),
        "gate": any(item.gates for item in done) or pipeline.gate is not None,
        "model": any(item.model for item in done),
        "image": (project.home / "images").is_dir(),
        "endpoint": any((project.home / "endpoints").glob("*.json")),
        "schedule": any(item.notebook == pipeline.notebook for item in schedules(project.root).list()),
    }
