"""Stages put together: the steps each executes, its options, and the order of all."""

from __future__ import annotations

import ast
import heapq
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nbprod.analysis import local, sources
from nbprod.analysis.paths import ANY
from nbprod.analysis.roles import PSEUDO
from nbprod.core.notebook import Resources, StageOptions
from nbprod.core.pipeline import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.edges import Links
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Step

VOLATILE = {
    "network": "{} uses the network",
    "database": "{} reads a database",
    "clock": "{} reads the clock",
    "entropy": "{} draws entropy",
    "process": "{} starts a process",
    "input": "{} asks for input",
}
GENERATORS = ("numpy.random", "random", "torch.random")


class Assembly:
    """Builds stages from linked statements."""

    def __init__(
        self,
        statements: Sequence[Statement],
        parsed: Sequence[Parsed],
        links: Links,
        stable: dict[str, Statement],
        modules: Mapping[str, str],
    ) -> None:
        self.statements = statements
        self.place = {id(item): index for index, item in enumerate(parsed)}
        self.parsed = parsed
        self.owned: dict[str, list[Statement]] = {}
        for item in statements:
            if item.owner is not None and item.fate in ("own", "replay"):
                self.owned.setdefault(item.owner, []).append(item)
        self.repeated = [item for item in statements if item.fate == "repeat" or _again(item)]
        self.links = links
        self.stable = stable
        self.seeds = seeded(statements)
        self.modules = modules

    def stage(self, name: str, cells: Sequence[Parsed]) -> Stage:
        """Return the stage of that name; `cells` are those its author gave it."""
        own = self.owned.get(name, [])
        first, last = (own[0].index, own[-1].index) if own else (0, -1)
        before = [self.statements[index] for index in sorted(self.links.needs.get(name, ()))]
        repeated = [item for item in self.repeated if item.owner != name]
        before += [item for item in repeated if item.index < first]
        inside = [item for item in repeated if first < item.index < last]
        prelude = [item for item in own if item.role == "parameters"]
        steps = self.prelude([*before, *prelude, *self.beside(before)])
        steps += self.own(cells, sorted([*own, *inside], key=lambda item: item.index))
        executed = [*before, *own, *inside]
        replays = {
            bound
            for item in before
            if item.fate == "replay" and item.role != "parameters"
            for bound in item.facts.binds | item.facts.maybe
        }
        parameters = {bound for item in (*before, *prelude) if item.role == "parameters" for bound in item.facts.binds}
        masks = (item.read_mask for item in executed if item.role != "parameters")
        read = _names(executed, masks) if parameters else set()
        written = _names(own, (item.write_mask for item in own if item.fate == "own")) - self.stable.keys()
        deleted = _deleted(own)
        parsed = {id(item): item for item in (*cells, *(statement.parsed for statement in own))}
        places = [item.place for item in parsed.values()]
        numbers = {cell.number for home, cell in places if home == places[0][0]}
        return Stage(
            name,
            tuple(sorted(numbers)),
            tuple(steps),
            tuple(sorted(self.links.reads.get(name, ()))),
            tuple(sorted(written - deleted)),
            tuple(sorted(deleted)),
            tuple(sorted(replays)),
            tuple(sorted(parameters & (read | {name for item in prelude for name in item.facts.binds}))),
            _options(cells),
            code_digest=sources.digest(executed, cells),
            volatile=(*self.volatile(executed), *self.volatile_modules(executed, steps)),
            defines=tuple(self.prelude([item for item in own if item.fate == "replay" and item.role != "parameters"])),
            patches=_patches(own),
            repeats=tuple(sorted({dotted for item in self.repeated for dotted in item.patches})),
            **_collected(executed),
        )

    @cached_property
    def parameters_cell(self) -> list[Statement]:
        """The replayed statements of the parameters cell, and what they read."""
        found = {item.index: item for item in self.statements if item.role == "parameters" and item.fate == "replay"}
        todo = list(found.values())
        while todo:
            for name in todo.pop().reads:
                definition = self.stable.get(name)
                if definition is not None and definition.index not in found:
                    found[definition.index] = definition
                    todo.append(definition)
        return list(found.values())

    def beside(self, needed: Sequence[Statement]) -> list[Statement]:
        """Return the rest of the parameters cell, and what it reads, where a stage needs any of that cell.

        A cell cut differently for each stage would, in a process that runs several, undo the overrides.
        """
        return self.parameters_cell if any(item.role == "parameters" for item in needed) else []

    def prelude(self, statements: Sequence[Statement]) -> list[Step]:
        """Return the steps that come before the inputs are loaded: parameters and replays, in notebook order.

        A definition is a step of its own, so that a process that runs several stages makes it once only.
        """
        once = sorted({item.index: item for item in statements}.values(), key=lambda item: item.index)
        steps = []
        for _, group in groupby(once, key=_together):
            items = list(group)
            if items[0].role == "parameters":
                steps.append(sources.cut("parameters", items))
                continue
            step = items[0].step if len(items) == 1 else None
            if step is None:
                step = sources.cut("replay", items)
                items[0].step = step if len(items) == 1 else None
            steps.append(step)
        return steps

    def own(self, cells: Sequence[Parsed], statements: Sequence[Statement]) -> list[Step]:
        """Return the stage's own cells, whole, and pieces of other cells that joined it."""
        by_cell: dict[int, list[Statement]] = {self.place[id(item)]: [] for item in cells}
        for statement in statements:
            if statement.role != "parameters":
                by_cell.setdefault(self.place[id(statement.parsed)], []).append(statement)
        mine = {id(item) for item in cells}
        steps = []
        for index in sorted(by_cell):
            item, joined = self.parsed[index], by_cell[index]
            everything = id(item) in mine or len(joined) == len(item.statements)
            steps.append(sources.whole(item, joined) if everything else sources.cut("cell", joined))
        return steps

    def volatile(self, statements: Sequence[Statement]) -> tuple[str, ...]:
        """Return why no fingerprint can see all that these statements depend on."""
        reasons: dict[str, None] = {}
        for statement in statements:
            if not (statement.effects or statement.state):
                continue
            for token, cause in statement.effects.items():
                if token in VOLATILE:
                    reasons[VOLATILE[token].format(cause)] = None
            for token, cause in statement.state.items():
                if token in GENERATORS and self.seeds.get(token, len(self.statements)) > statement.index:
                    reasons[f"{cause} draws random numbers without a seed"] = None
        return tuple(reasons)

    def volatile_modules(self, statements: Sequence[Statement], steps: Sequence[Step]) -> tuple[str, ...]:
        """Return the same of the modules beside the notebook."""
        reasons: dict[str, None] = {}
        imported = {name for statement in statements for name in statement.facts.modules} if self.modules else ()
        for file, causes, state in local.effects(self.modules, imported, [step.source for step in steps]):
            found = [VOLATILE[token].format(cause) for token, cause in causes.items() if token in VOLATILE]
            drawn = [cause for token, cause in state.items() if token in GENERATORS and token not in self.seeds]
            found += [f"{cause} draws random numbers without a seed" for cause in drawn]
            reasons.update((f"{text}, in {file}", None) for text in found)
        return tuple(reasons)


def _again(statement: Statement) -> bool:
    """Whether a stage's own statement is to be executed in all later stages too: `from m import *`, `%load_ext m`."""
    if statement.fate != "own" or statement.parsed.whole:
        return False
    magics = statement.facts.magics
    sets_up = statement.type is ast.Expr and magics and all(kind == "configure" for kind, _, _ in magics)
    return bool(sets_up) or (statement.type is ast.ImportFrom and statement.facts.star)


def _together(statement: Statement) -> tuple[int, int]:
    """Return a key that is the same for what makes one step: the parameters, or imports of one cell."""
    alone = statement.role != "parameters" and statement.type not in (ast.Import, ast.ImportFrom)
    return id(statement.parsed), statement.index if alone else -1


def seeded(statements: Sequence[Statement]) -> dict[str, int]:
    """Return where each global generator is first seeded."""
    found: dict[str, int] = {}
    for statement in statements:
        if statement.seeds and "entropy" not in statement.effects:
            for token in statement.seeds:
                found.setdefault(token, statement.index)
    return found


def _names(statements: Sequence[Statement], masks: Iterable[int]) -> set[str]:
    total = 0
    for mask in masks:
        total |= mask
    return set(statements[0].names.unmask(total)) if statements else set()


def _deleted(statements: Sequence[Statement]) -> set[str]:
    gone: set[str] = set()
    for statement in statements:
        facts = statement.facts
        if gone or facts.deletes:
            gone = (gone | facts.deletes) - facts.binds - (facts.maybe - facts.deletes)
    return gone


def _collected(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return modules, files and environment variables of statements and of the code they may run."""
    total: dict[str, set[str]] = {"modules": set(), "files_read": set(), "files_written": set(), "environment": set()}
    active = 0
    for statement in statements:
        active |= statement.active_mask
    definitions = statements[0].definitions.unmask(active) if statements else ()
    modules, read, written, environment = total.values()
    for facts in (*(statement.facts for statement in statements), *(definition.facts for definition in definitions)):
        modules |= facts.modules
        read |= facts.files_read
        written |= facts.files_written
        environment |= facts.environment
    return {key: tuple(sorted(item for item in found if ANY not in item)) for key, found in total.items()}


def _options(cells: Sequence[Parsed]) -> StageOptions:
    """Return the options of a stage, merged over its cells; lists are joined, of others the last given counts."""
    merged: dict[str, Any] = {}
    for item in cells:
        options: Mapping[str, Any] = item.cell.tag.options if item.cell.tag else {}
        for key, value in options.items():
            if isinstance(value, tuple):
                merged[key] = tuple(dict.fromkeys((*merged.get(key, ()), *value)))
            elif key == "resources":
                merged[key] = {**merged.get(key, {}), **value}
            else:
                merged[key] = value
    resources = Resources(**merged.pop("resources", {}))
    return replace(StageOptions(**merged), resources=resources)


def ordered(names: Sequence[str], links: Links) -> tuple[list[str], list[str]]:
    """Return stages in an order that satisfies all edges, by position where there is a choice; and those on a cycle."""
    place = {name: index for index, name in enumerate(names)}
    waiting = dict.fromkeys(names, 0)
    followers: dict[str, list[str]] = {name: [] for name in names}
    for source, target in links.edges:
        if source in place and target in place:
            waiting[target] += 1
            followers[source].append(target)
    ready = [place[name] for name in names if not waiting[name]]
    order: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for target in followers[name]:
            waiting[target] -= 1
            if not waiting[target]:
                heapq.heappush(ready, place[target])
    stuck = [name for name in names if waiting[name]]
    return [*order, *stuck], stuck


__all__ = ["PSEUDO", "Assembly", "ordered"]


def _patches(own: Sequence[Statement]) -> tuple[str, ...]:
    """Return what only the process of these statements has."""
    run = [item for item in own if item.fate == "own"]
    found = {dotted for item in run for dotted in item.patches}
    return tuple(sorted(found | {"id()" for item in run if "identity" in item.effects}))
