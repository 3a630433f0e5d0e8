"""From what differs to what is told: the cell, both sides, the likely cause, the fix, and what was left out."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from nbprod.core.errors import Where
from nbprod.core.verification import Difference, LeftOut, Verification
from nbprod.execution import specs
from nbprod.execution.verifying import shown as displayed
from nbprod.execution.verifying.causes import CLOCK
from nbprod.execution.verifying.displays import canonical

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nbprod.core.pipeline import CellRole, Pipeline
    from nbprod.core.run import Run
    from nbprod.execution.verifying.causes import Causes, Source
    from nbprod.execution.verifying.shown import Shown, Unlike
    from nbprod.execution.verifying.values import Compared, Found
    from nbprod.execution.verifying.whole import Key, Whole

TIMES = frozenset(
    "float int float64 str datetime date Timestamp timedelta Timedelta struct_time list dict tuple".split()  # noqa: SIM905 - legible as a line
)
UNKNOWN = "the cause is not known"
STALE = ("the saved output may be older than the code", "run all cells, save, and verify again")
REPORT = "put the cells into one stage, and report it: it should have been seen before the run"
REASONS = {
    "type": ("its type is another one after it was stored and loaded", "convert it on purpose where it is made"),
    "order": ("the same elements in another order", "sort it where it is made"),
}
ROLES = {
    "serve": "a serve cell runs where the model is served",
    "skip": "its role is skip: nobody runs it",
    "gate": "not reached: a gate before it did not hold",
    "test": "not reached: a test before it did not hold",
}


class Findings:
    """Gathers what a verification finds.

    Parameters
    ----------
    pipeline, whole, causes
        What is verified, cut into pieces, and what in it depends on chance.
    """

    def __init__(self, pipeline: Pipeline, whole: Whole, causes: Causes) -> None:
        self.pipeline = pipeline
        self.whole = whole
        self.causes = causes
        self.differences: list[Difference] = []
        self.left_out: list[LeftOut] = []
        self._values = self._displays = 0
        self._kinds: dict[str, str] = {}
        self._counts: dict[str, dict[str, int]] = {}
        self._stages = {
            (step.notebook or pipeline.notebook, step.cell): stage.name
            for stage in specs.every_stage(pipeline)
            for step in stage.steps
            if step.kind == "cell"
        }

    def suspects(self) -> bool:
        """Whether there is a difference that may be the notebook's own."""
        return any(item.kind != "error" for item in self.differences)

    def failed(self, run: Run) -> None:
        """Take a cell that fails in the pipeline only."""
        if run.error is None:
            return
        where = run.error.where
        cell = where.cell if where else None
        stage = next((stage.name for stage in run.stages if str(stage.status) == "failed"), "")
        found = Difference(f"cell {cell}", cell, "runs", f"fails: {run.error.message}", UNKNOWN, REPORT, kind="error")
        path = where.notebook if where and where.notebook else self.pipeline.notebook
        self.differences.append(dataclasses.replace(found, stage=stage, path=path))

    def values(self, compared: Compared) -> None:
        """Take the values that differ, and those that could not be compared."""
        self._values = compared.count
        self._counts = {stage: {"values": number} for stage, number in compared.stages.items()}
        for name, (stage, why) in compared.unstorable.items():
            where = specs.where_bound(self.pipeline, stage, name)
            self.left_out.append(LeftOut(where.notebook or "", where.cell, why, name))
        earlier: list[Found] = []
        for found in compared.found:
            self.differences.append(self._value(found, earlier))
            earlier.append(found)
        for stage, kind in compared.states:
            self._state(stage, kind)

    def displays(self, count: int, unlike: Sequence[Unlike], one: Shown, other: Shown, *, reused: bool = False) -> None:
        """Take the cells that do not display the same; of saved outputs, what only tells the time is left out."""
        self._displays = count
        for key in one.outputs.keys() & other.outputs.keys():
            counts = self._counts.setdefault(self._stages.get(key, ""), {})
            counts["displays"] = counts.get("displays", 0) + bool(other.outputs[key])
        names = {item.name for item in self.differences}
        for item in unlike:
            path, cell = item.key
            cause, fix = self._because(self.causes.of_cell(path, cell))
            follows = sorted(name for name in names if self._mentions(item.key, name))
            if follows and not cause:
                cause, fix = f"it shows {follows[0]}, which differs", "see there"
            if reused and not cause:
                cause, fix = STALE
            found = Difference("output", cell, item.left, item.right, cause or UNKNOWN, fix or REPORT, path)
            outputs = (tuple(one.outputs[item.key]), tuple(other.outputs[item.key]))
            stage = self._stages.get(item.key, "")
            found = dataclasses.replace(found, stage=stage, where=item.where, kind="display", outputs=outputs)
            if reused and self._only_time(found, self.causes.of_cell(path, cell), one, other):
                self._left_by_time(found)
            else:
                self.differences.append(found)

    def chance(self, names: Collection[str], keys: Collection[Key], one: Shown, two: Shown) -> None:
        """Take what the notebook, run a second time, did not repeat; what only tells the time is left out."""
        kept = []
        for item in self.differences:
            key = (item.path, item.cell or 0)
            moving = key in keys if item.kind == "display" else item.name in names
            if not moving:
                kept.append(item)
                continue
            sources = self.causes.of_cell(*key) if item.kind == "display" else self.causes.of_name(item.name, item.cell)
            if self._only_time(item, sources, one, two):
                self._left_by_time(item)
                continue
            cause, fix = self._because(sources)
            words = (
                f"not deterministic: the notebook differs from itself; {cause or 'what draws by chance is not known'}"
            )
            fix = fix or "seed what is random, sort what has no order"
            kept.append(dataclasses.replace(item, cause=words, fix=fix, deterministic=False))
        self.differences = kept

    def drop_states(self, moving: Collection[tuple[str, str]]) -> None:
        """Forget generators that the notebook itself does not leave in one state: what they draw is told."""
        names = {(stage, _state(kind)) for stage, kind in moving}
        self.differences = [item for item in self.differences if (item.stage, item.name) not in names]

    def leave_out(self, one: Shown, other: Shown, *, reused: bool = False) -> None:
        """Take the cells that are in the notebook only."""
        for key, role in self.whole.cells.items():
            why = self._why_left_out(key, role, one, other, reused=reused)
            if why:
                self.left_out.append(LeftOut(key[0], key[1], why))
        self.left_out.sort(key=lambda item: (item.notebook != self.pipeline.notebook, item.notebook, item.cell or 0))

    def verification(self, notebook_seconds: float, pipeline_seconds: float) -> Verification:
        """Return the result: differences in the order of the notebook, its own chance behind the others."""
        order = {key: at for at, key in enumerate(self.whole.cells)}
        self.differences.sort(key=lambda item: (order.get((item.path, item.cell or 0), 0), item.kind == "display"))
        names = [stage.name for stage in specs.every_stage(self.pipeline)]
        counts = [
            {"stage": name, "values": 0, "displays": 0, **self._counts[name]} for name in names if name in self._counts
        ]
        return Verification(
            equal=not self.differences,
            compared=self._values + self._displays,
            differences=tuple(self.differences),
            left_out=tuple(self.left_out),
            notebook_seconds=notebook_seconds,
            pipeline_seconds=pipeline_seconds,
            notebook=self.pipeline.notebook,
            displays=self._displays,
            stages=tuple(counts),
        )

    # a difference in words

    def _value(self, found: Found, earlier: Sequence[Found]) -> Difference:
        check = found.check
        name = found.name.partition(", ")[0]
        where = self._changed(found, name) or specs.where_bound(self.pipeline, check.stage, name)
        self._kinds[found.name] = found.type
        cause, fix = self._cause(found, where.cell, earlier)
        path = where.notebook or self.pipeline.notebook
        sides = (found.name, where.cell, found.left, found.right)
        outputs = tuple(({"output_type": "display_data", "data": {"text/plain": text}},) for text in found.shown)
        one = Difference(*sides, cause, fix, path, check.stage, found.where)
        return dataclasses.replace(one, outputs=outputs) if len(outputs) == 2 else one

    def _cause(self, found: Found, cell: int | None, earlier: Sequence[Found]) -> tuple[str, str]:
        """Return what explains the difference, and nothing that is not related to it."""
        if found.reason == "aliases":
            words = "parts that are one object in the notebook are copies in the pipeline, or the reverse"
            return words, "put the cells that share it into one stage, or copy it on purpose"
        if found.check.role == "defined":
            return "it changes after it is defined, in a way that was not seen", "define it anew instead of changing it"
        sources = [source for source in self.causes.of_name(found.name, cell) if source.kind.name != CLOCK]
        return self._because(sources) if sources else self._by_place(found, earlier)

    def _by_place(self, found: Found, earlier: Sequence[Found]) -> tuple[str, str]:
        """Return the cause as told by where the difference is, and of what kind."""
        stage = self.pipeline.stage(found.check.stage)
        before = [item for item in earlier if item.name in stage.reads and item.name != found.name]
        if found.check.role == "read":
            words = (
                f"{found.name} changes in the notebook before stage {stage.name} reads it, in a way that was not seen"
            )
            return words, f"assign it where it changes: {found.name} = …"
        if before:
            return f"it is made from {before[0].name}, which differs before", "see there"
        if found.reason in REASONS:
            return REASONS[found.reason]
        if stage.volatile:
            return f"stage {stage.name} is volatile: {stage.volatile[0]}", "keep what it asks for in a file"
        return UNKNOWN, REPORT

    def _changed(self, found: Found, name: str) -> Where | None:
        """Return the cell that changed last what a stage reads, where the pipeline did not see it."""
        if found.check.role != "read":
            return None
        steps = [step for piece in self.whole.pieces[: max(found.check.points) + 1] for step in piece.steps]
        last = next((step for step in reversed(steps) if re.search(rf"\b{re.escape(name)}\b", step.source)), None)
        return Where(last.notebook, last.cell, last.cell_id) if last is not None else None

    def _because(self, sources: Sequence[Source]) -> tuple[str, str]:
        return (sources[0].cause, sources[0].fix) if sources else ("", "")

    def _state(self, stage: str, kind: str) -> None:
        steps = [step for step in self.pipeline.stage(stage).steps if step.kind == "cell"]
        cell, path = (steps[-1].cell, steps[-1].notebook) if steps else (None, "")
        cause = f"the generator of {kind} stands elsewhere at the end of stage {stage}: another number of draws"
        sides = ("one position", "another position")
        self.differences.append(
            Difference(_state(kind), cell, *sides, cause, REPORT, path or self.pipeline.notebook, stage, kind="state")
        )

    def _mentions(self, key: Key, name: str) -> bool:
        text = "\n".join(text.source for text in self.whole.texts if (text.notebook, text.cell) == key)
        return any(re.search(rf"\b{re.escape(part)}\b", text) for part in name.split(", "))

    def _only_time(self, item: Difference, sources: Sequence[Source], one: Shown, two: Shown) -> bool:
        if not sources or sources[0].kind.name != CLOCK:
            return False
        if item.kind == "display":
            key = (item.path, item.cell or 0)
            return not displayed.differs_but_for_numbers(one.outputs, two.outputs, key)
        return self._kinds.get(item.name, "") in TIMES

    def _left_by_time(self, item: Difference) -> None:
        what = "what it shows" if item.kind == "display" else item.name
        why = f"{what} depends on the clock and is never the same twice"
        self.left_out.append(LeftOut(item.path, item.cell, why, "" if item.kind == "display" else item.name))

    def _why_left_out(self, key: Key, role: CellRole | None, one: Shown, other: Shown, *, reused: bool) -> str:
        kind = role.role if role is not None else ""
        if key in other.outputs:
            return "" if key in one.outputs else "it has not been run in the file" if reused else ""
        if kind == "exploration" and role is not None:
            return role.reason
        if kind in ROLES:
            return ROLES[kind]
        if key not in one.outputs:
            return ""
        if any(step.argv for stage in self.pipeline.stages for step in stage.steps) and role and role.stage:
            return "it runs another file: its values were compared, what that file shows was not"
        shows = canonical(one.outputs[key])
        return "its definitions are repeated where they are needed, what it shows is not" if shows else ""


def _state(kind: str) -> str:
    return f"state of {kind}"
