"""Values: what each stage took and left, against what the notebook held at the same point of its text."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import ExecutionError
from nbprod.core.pipeline import Stage
from nbprod.execution import specs
from nbprod.execution.fingerprint import RANDOM
from nbprod.execution.planning import Planner
from nbprod.execution.session import ProcessDiedError, Session, fatal
from nbprod.execution.timeline import Timeline
from nbprod.store import Ledger, load_manifest
from nbprod.worker import links

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbprod.config import Project
    from nbprod.core.pipeline import Pipeline, Step
    from nbprod.core.run import Run, RunOptions
    from nbprod.execution.verifying.whole import Whole
    from nbprod.worker.formats import Comparison, StageSpec

Manifest = dict[str, Any]
EMPTY: Manifest = {"groups": [], "deleted": [], "unstorable": {}, "state": {}}


@dataclass(frozen=True, slots=True)
class Check:
    """One name at one boundary: what it is in the notebook there, and what the pipeline has.

    `points` are the pieces of the notebook at whose end the value counts; the first that fits is taken. `role` is
    `written`, `read` or `final`.
    """

    stage: str
    name: str
    role: str
    points: tuple[int, ...]
    group: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Found:
    """A value that differs: the check, what the worker said of it."""

    check: Check
    name: str
    where: str
    left: str
    right: str
    type: str = ""
    reason: str = ""
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One run: its manifests in order of its stages, and the home that holds their buffers."""

    manifests: tuple[Manifest, ...]
    home: Path
    stages: tuple[str, ...] = ()

    @classmethod
    def of(cls, run: Run, home: Path) -> Side:
        """Return the manifests of a run's stages."""
        found = []
        with Ledger(home) as ledger:
            for stage in run.stages:
                snapshot = ledger.snapshot(Path(stage.snapshot)) if stage.snapshot else None
                found.append((load_manifest(snapshot) if snapshot else None) or EMPTY)
        return cls(tuple(found), home, tuple(stage.name for stage in run.stages))

    def find(self, name: str, last: int) -> links.Found | None:
        """Return where a name is at the end of the piece `last`."""
        return links.find(self.manifests[: last + 1], name)


@dataclass(slots=True)
class Compared:
    """What came of comparing values; `unstorable` names have the reason why they were not compared."""

    count: int = 0
    found: list[Found] = field(default_factory=list)
    unstorable: dict[str, tuple[str, str]] = field(default_factory=dict)
    states: list[tuple[str, str]] = field(default_factory=list)
    stages: dict[str, int] = field(default_factory=dict)

    def add(self, stage: str) -> None:
        """Count one more value of a stage."""
        self.count += 1
        self.stages[stage] = self.stages.get(stage, 0) + 1


class Values:
    """Compares the values of two runs.

    Parameters
    ----------
    pipeline, project, options
        What was run; the project is a copy in which definitions can be executed again.
    whole
        The notebook in its pieces.
    """

    def __init__(self, pipeline: Pipeline, project: Project, options: RunOptions, whole: Whole) -> None:
        self.pipeline = pipeline
        self.project = project
        self.options = options
        self.whole = whole
        self._wrote = {stage.name: set(stage.writes) for stage in pipeline.stages}
        self._references = set(specs.references(pipeline))

    def compare(self, one: Side, other: Side) -> Compared:
        """Compare the notebook (`one`) and the pipeline (`other`)."""
        compared = Compared()
        unlike: dict[tuple[str, str], list[Check]] = {}
        told: set[str] = set()
        for check in self.checks(one, other, compared):
            compared.add(check.stage)
            if any(_same(one.find(check.name, point), check) for point in check.points):
                continue
            unlike.setdefault((check.stage, check.role), []).append(check)
        for checks in unlike.values():
            news = [found for found in self._judged(one, other, checks) if found.name not in told]
            told |= {found.name for found in news}
            compared.found += news
        compared.found += self._definitions(one, other, compared)
        return compared

    def again(self, one: Side, two: Side, found: Sequence[Found]) -> set[str]:
        """Return the names of `found` in which the notebook differs from itself, run twice."""
        unlike: dict[tuple[str, str], list[Check]] = {}
        moving = set()
        for item in found:
            point = item.check.points[-1]
            if item.check.role == "defined":
                digests = [side.manifests[point].get("digests", {}).get(item.name, [""])[0] for side in (one, two)]
                moving |= {item.name} if digests[0] != digests[1] else set()
                continue
            for name in item.name.split(", "):
                place = two.find(name, point)
                group = place.group if place else None
                check = Check(item.check.stage, name, item.check.role, (point,), group)
                if group is not None and not _same(one.find(name, point), check):
                    unlike.setdefault((check.stage, check.role), []).append(check)
        return moving | {news.name for checks in unlike.values() for news in self._judged(one, two, checks)}

    def states(self, one: Side, other: Side) -> Iterator[tuple[str, str]]:
        """Yield stage and kind of each random generator that both sides changed, to a different state."""
        for at, stage in enumerate(other.stages):
            points = self.whole.ends(stage)
            if len(points) == 1:
                for kind in _unlike(one.manifests[points[0]], other.manifests[at]):
                    yield stage, kind

    def states_again(self, one: Side, two: Side, found: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of `found` in which the notebook differs from itself, run twice."""
        return {
            (stage, kind)
            for stage, kind in found
            for point in self.whole.ends(stage)
            if kind in _unlike(one.manifests[point], two.manifests[point])
        }

    def _definitions(self, one: Side, other: Side, compared: Compared) -> list[Found]:
        """Compare what is not stored because every stage makes it anew: definitions, constants, parameters."""
        found: dict[str, Found] = {}
        for at, stage in enumerate(other.stages):
            points = self.whole.ends(stage)
            here = other.manifests[at].get("digests", {}) if points else {}
            there = one.manifests[points[-1]].get("digests", {}) if points else {}
            for name in sorted((here.keys() & there.keys()) - self._unread(stage)):
                compared.add(stage)
                if here[name][0] != there[name][0] and here[name][0] and there[name][0]:
                    check = Check(stage, name, "defined", (points[-1],), None)
                    words = "it is not what the stage makes of its definition"
                    found.setdefault(name, Found(check, name, words, there[name][1], here[name][1]))
        return list(found.values())

    def _unread(self, stage: str) -> set[str]:
        """Return the parameters a stage does not read: their defaults are defined beside the others, and no matter."""
        known = next((item for item in specs.every_stage(self.pipeline) if item.name == stage), None)
        return {parameter.name for parameter in self.pipeline.parameters} - set(known.parameters if known else ())

    # what is compared

    def checks(self, one: Side, other: Side, compared: Compared) -> Iterator[Check]:
        """Yield every name at every boundary, in the order of the notebook, and each at the end."""
        stages = {stage.name: stage for stage in self.pipeline.stages}
        for at, name in enumerate(other.stages):
            if name not in stages or not self.whole.ends(name):
                continue
            yield from self._read(one, other, at, stages[name])
            yield from self._written(other.manifests[at], name, compared)
        yield from self._final(one, other)

    def _read(self, one: Side, other: Side, at: int, stage: Stage) -> Iterator[Check]:
        starts = tuple(point - 1 for point in self.whole.ends(stage.name) if point > 0)
        if not starts:
            return
        found = links.closure(other.manifests[:at], stage.reads, stage.replays)
        for name in sorted(found):
            known = any(one.find(name, point) is not None for point in starts)
            if found[name].group is not None and known:
                yield Check(stage.name, name, "read", starts, found[name].group)

    def _written(self, manifest: Manifest, stage: str, compared: Compared) -> Iterator[Check]:
        for name, why in manifest["unstorable"].items():
            words = f"{name}, a {why['type']}, cannot be stored: {why['reason']}"
            if links.is_state(name):
                words = f"{name}: {why['reason']}; later stages ran in that process"
            compared.unstorable[name] = (stage, words)
        for group in manifest["groups"]:
            for name in group["names"]:
                yield Check(stage, name, "written", self._points(stage, name), group)

    def _points(self, stage: str, name: str) -> tuple[int, ...]:
        """Return the pieces at whose end a stage's value counts: the last, or the last before another stage writes."""
        ends = self.whole.ends(stage)
        for end, after in itertools.pairwise(ends):
            between = {piece.stage for piece in self.whole.pieces[end + 1 : after]}
            if any(name in self._wrote.get(other or "", ()) for other in between):
                return (end,)
        return (ends[-1],)

    def _final(self, one: Side, other: Side) -> Iterator[Check]:
        last = (len(one.manifests) - 1,)
        stored = {name for manifest in other.manifests for group in manifest["groups"] for name in group["names"]}
        expected = set().union(*self._wrote.values()) if self._wrote else set()
        kept = {name for group in one.manifests[-1]["groups"] for name in group["names"]}
        for name in sorted(stored | (expected & kept)):
            place = links.find(other.manifests, name)
            if place is not None and place.kind == "unstorable":
                continue
            origin = other.stages[place.position] if place else self._owner(name)
            if origin in self._wrote:
                yield Check(origin, name, "final", last, place.group if place else None)

    def _owner(self, name: str) -> str:
        return next((stage for stage, names in reversed(self._wrote.items()) if name in names), "")

    # what differs

    def _judged(self, one: Side, other: Side, checks: Sequence[Check]) -> list[Found]:
        """Return what the notebook's interpreter says of values whose digests differ."""
        found, pairs = [], []
        for check in checks:
            place = one.find(check.name, check.points[-1])
            if place is not None and place.kind == "unstorable":
                continue
            left, right = (place.group if place else None), check.group
            if left is None or right is None:
                if left is not right:
                    words = ("absent", "present") if left is None else ("present", "absent")
                    found.append(Found(check, check.name, "bound on one side only", *words))
                continue
            pairs.append((check, left, right))
        if pairs:
            found += self._asked(one, other, pairs)
        order = {check.name: at for at, check in enumerate(checks)}
        return sorted(found, key=lambda item: order.get(item.name, len(order)))

    def _asked(self, one: Side, other: Side, pairs: Sequence[tuple[Check, Any, Any]]) -> list[Found]:
        checks = {check.name: check for check, _, _ in pairs}
        stage = checks[next(iter(checks))].stage
        with Ledger(self.project.home) as ledger:
            planner = Planner(self.pipeline, self.project, self.options, ledger)
            spec: Comparison = {
                "stage": _definitions(planner, stage),
                "left": {"buffers": str(one.home / "buffers"), "groups": _unique(left for _, left, _ in pairs)},
                "right": {"buffers": str(other.home / "buffers"), "groups": _unique(right for _, _, right in pairs)},
                "names": sorted(checks),
            }
            python = planner.python(self.pipeline.stage(stage)).python
            verdicts = _ask(Session(python, planner.environment, planner.folder), spec)
        return [
            Found(
                checks[item["name"].split(", ")[0]],
                item["name"],
                item["where"],
                item["left"],
                item["right"],
                item["type"],
                item["reason"],
                tuple(item["shown"]),
            )
            for item in verdicts
        ]


def _same(place: links.Found | None, check: Check) -> bool:
    """Whether a group of the notebook's is, by names and content, that of the pipeline."""
    if place is None or place.group is None or check.group is None:
        return place is not None and place.kind == "unstorable"
    return bool(
        place.group["content"] == check.group["content"]
        and sorted(place.group["names"]) == sorted(check.group["names"])
    )


def _unlike(one: Manifest, other: Manifest) -> list[str]:
    """Return the generators that both manifests hold, in a different state."""
    left, right = one["state"], other["state"]
    both = sorted(RANDOM & left.keys() & right.keys())
    return [kind for kind in both if left[kind].get("content") != right[kind].get("content")]


def _unique(groups: Any) -> list[Any]:
    return list({id(group): group for group in groups}.values())


def _definitions(planner: Planner, stage: str) -> StageSpec:
    """Return a stage spec that only makes definitions: those of all stages, the given one's last."""
    stages = sorted(specs.every_stage(planner.pipeline), key=lambda item: item.name == stage)
    steps: dict[tuple[str, int, int, str], Step] = {}
    for item in stages:
        for step in item.steps:
            if step.kind != "cell":
                steps[step.notebook, step.cell, step.first_line, step.source] = step
    parameters = tuple(parameter.name for parameter in planner.pipeline.parameters)
    options = planner.pipeline.stage(stage).options
    alone = Stage(stage, (), tuple(steps[key] for key in sorted(steps)), parameters=parameters, options=options)
    decision = planner.decide(alone, Timeline(), {stage: "to compare"})
    return specs.stage_spec(planner, alone, decision, planner.project.home / "manifests" / "compare.json", None)


def _ask(session: Session, spec: Comparison) -> list[Any]:
    try:
        for event in session.run({"op": "compare", "spec": spec}):
            if event["event"] == "compared":
                return list(event["verdicts"])
            if event["event"] == "fatal":
                raise fatal(event)
            if event["event"] == "failed":
                raise ExecutionError("NB509", f"the values could not be compared: {event['ename']}: {event['evalue']}")
    except ProcessDiedError as error:
        raise ExecutionError("NB509", f"the process that compared the values died ({error.returncode})") from error
    finally:
        session.dismiss()
        session.close()
    return []
