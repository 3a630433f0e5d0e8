"""The model of a run: chosen among the fitted estimators, or the serve cell; written by a worker, reused when equal."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import ModelError
from nbprod.core.frozen import dataclass
from nbprod.core.model import Model
from nbprod.execution.fingerprint import fingerprint
from nbprod.execution.planning import Decision
from nbprod.execution.runner import Work
from nbprod.execution.specs import stage_spec
from nbprod.execution.timeline import names
from nbprod.store.files import digest_json
from nbprod.store.records import registered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.config import Project
    from nbprod.core.pipeline import ModelCandidate, Pipeline, Stage
    from nbprod.core.run import RunOptions
    from nbprod.execution.planning import Planner
    from nbprod.execution.runner import SessionRunner
    from nbprod.execution.timeline import Timeline
    from nbprod.store import Ledger
    from nbprod.worker.formats import ModelSpec


@dataclass(frozen=True, slots=True)
class Choice:
    """Where the model comes from: the pseudo-stage that builds its namespace, the names that may hold it."""

    kind: str
    stage: Stage
    names: tuple[str, ...]
    samples: tuple[str, ...]


def choose(pipeline: Pipeline, options: RunOptions, timeline: Timeline) -> Choice | None:
    """Return the model to write, None when nothing in the notebook looks like one; `ModelError` when several do."""
    asked = options.model or next((s.options.model for s in pipeline.stages if s.options.model), None)
    if pipeline.serve is not None and asked is None:
        samples = _rows_of_predict(pipeline, pipeline.serve, timeline)
        reads = tuple(dict.fromkeys((*pipeline.serve.reads, *samples)))
        return Choice("function", replace(pipeline.serve, reads=reads), ("predict",), samples)
    found = [candidate for candidate in pipeline.models if asked in (None, candidate.name)]
    if asked and not found:
        return _named(pipeline, asked, timeline)
    names = list(dict.fromkeys(candidate.name for candidate in found))
    if len(names) > 1:
        listed = ", ".join(f"{item.name} (cell {item.cell})" for item in found)
        raise ModelError("NB621", f"several names may hold the model: {listed}", "choose one: --model NAME")
    return _estimator(pipeline, names[0], found[-1].stage, timeline) if names else None


def _named(pipeline: Pipeline, asked: str, timeline: Timeline) -> Choice:
    place = timeline.find(asked)
    if place is None or place.kind != "group":
        known = ", ".join(dict.fromkeys(candidate.name for candidate in pipeline.models)) or "none found"
        raise ModelError("NB622", f"no value {asked} reaches the end of the notebook", f"candidates: {known}")
    return _estimator(pipeline, asked, place.entry.stage, timeline)


def _estimator(pipeline: Pipeline, name: str, stage: str, timeline: Timeline) -> Choice:
    place = timeline.find(name)
    if place is not None and place.kind == "unstorable":
        why = place.entry.manifest["unstorable"][name]
        raise ModelError("NB623", f"the model {name} cannot be stored: {why['reason']}", "hold it in a storable form")
    samples = _samples([item for item in pipeline.models if item.name == name], timeline) or _all(timeline)
    maker = pipeline.stage(place.entry.stage if place else stage)
    steps = tuple(step for step in maker.steps if step.kind != "cell")
    pseudo = replace(
        maker, name="model", cells=(), steps=steps, reads=(name, *samples), writes=(), code_digest="", volatile=()
    )
    return Choice("estimator", pseudo, (name,), samples)


def _samples(candidates: Sequence[ModelCandidate], timeline: Timeline) -> tuple[str, ...]:
    return _stored([name for item in candidates for name in item.inputs], timeline)


def _stored(wanted: Sequence[str], timeline: Timeline) -> tuple[str, ...]:
    return tuple(
        name for name in dict.fromkeys(wanted) if (place := timeline.find(name)) is not None and place.kind == "group"
    )


def _rows_of_predict(pipeline: Pipeline, serve: Stage, timeline: Timeline) -> tuple[str, ...]:
    """Return what may hold rows for the serve cell: what its argument is called, else anything that was stored."""
    fitted = _samples(pipeline.models, timeline)
    arguments = _stored(_arguments(serve), timeline)
    return tuple(dict.fromkeys((*arguments, *fitted, *(() if arguments else _all(timeline)))))


def _arguments(serve: Stage) -> list[str]:
    tree = ast.parse("\n".join(step.source for step in serve.steps if _parses(step.source)))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "predict"]
    return [item.arg for node in found[-1:] for item in (*node.args.posonlyargs, *node.args.args)]


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:  # a magic or shell line
        return False
    return True


def _all(timeline: Timeline) -> tuple[str, ...]:
    return _stored(sorted(names(timeline.entries)), timeline)


class Modelling:
    """The model step of a run."""

    def __init__(self, planner: Planner, ledger: Ledger, runner: SessionRunner) -> None:
        self.planner = planner
        self.ledger = ledger
        self.runner = runner

    def model(self, timeline: Timeline) -> Model | None:
        """Return the run's model: written now, or by an earlier run from the same values; None when there is none."""
        planner = self.planner
        choice = choose(planner.pipeline, planner.options, timeline)
        if choice is None:
            return None
        name = model_name(planner.pipeline, planner.project, planner.options, self.ledger)
        decision = self._decision(choice, timeline)
        key = digest_json([decision.fingerprint.key, choice.kind, choice.names, choice.samples, name])
        known = self.ledger.model(key)
        if known is not None and (known[0] / "nbprod.json").is_file() and not self._must(choice):
            return self._found(name, str(known[0]))
        path = planner.project.home / "models" / name / planner.run
        work = self._work(choice, decision, name)
        planner.sharing.fetch(decision.inputs)
        written = self.runner.model(self._spec(choice, work, name), work)
        self.ledger.add_model(key, path, planner.run)
        return self._found(name, written)

    def _must(self, choice: Choice) -> bool:
        return self.planner.options.force or bool(choice.stage.volatile)

    def _found(self, name: str, path: str) -> Model:
        known = registered(self.planner.project.home, path)
        return Model(name, path, known.get("version"), known.get("uri"))

    def _decision(self, choice: Choice, timeline: Timeline) -> Decision:
        python = self.planner.python(choice.stage)
        inputs = timeline.inputs(choice.stage)
        if inputs.held:
            name, origin = next(iter(inputs.held.items()))
            text = f"the model needs {name} of stage {origin}, which cannot be stored"
            raise ModelError("NB623", text, "make it inside the serve cell")
        mark = fingerprint(self.planner.setting, choice.stage, inputs, python)
        return Decision(choice.stage, "", mark, inputs, python)

    def _work(self, choice: Choice, decision: Decision, name: str) -> Work:
        home = self.planner.project.home
        manifest = home / "manifests" / f"{self.planner.run}-{name}.unused.json"
        spec = stage_spec(self.planner, choice.stage, decision, manifest, None)
        executed = home / "runs" / self.planner.run / f"{choice.stage.name}.ipynb"
        place = decision.python, self.planner.environment, self.planner.pipeline
        return Work(choice.stage, spec, executed, *place, self.planner.options.zygote)

    def _spec(self, choice: Choice, work: Work, name: str) -> ModelSpec:
        planner = self.planner
        return {
            "stage": work.spec,
            "kind": choice.kind,
            "names": list(choice.names),
            "samples": list(choice.samples),
            "path": str(planner.project.home / "models" / name / planner.run),
            "name": name,
            "run": planner.run,
            "notebook": planner.pipeline.notebook,
        }


def model_name(pipeline: Pipeline, project: Project, options: RunOptions, ledger: Ledger) -> str:
    """Return the model's name: as asked, or the notebook's stem, with its folder when another has the same stem."""
    asked: Any = options.model_name or project.settings.get("model_name")
    if asked:
        return str(asked)
    first = ledger.first_notebook(pipeline.name)
    if first in (None, pipeline.notebook):
        return pipeline.name
    folder = pipeline.notebook.rpartition("/")[0].replace("/", "-")
    return f"{folder}-{pipeline.name}" if folder else pipeline.name
