"""The analysis from end to end: cells, facts, fates, edges, stages, diagnostics."""

from __future__ import annotations

import gc
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.analysis import diagnostics, memory, model, parameters, replays, roles, stack
from nbprod.analysis.edges import Linker
from nbprod.analysis.findings import Findings
from nbprod.analysis.notes import notes_of
from nbprod.analysis.stages import PSEUDO, Assembly, ordered
from nbprod.analysis.surroundings import NOWHERE
from nbprod.core.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.notes import Statement
    from nbprod.analysis.surroundings import Surroundings
    from nbprod.core.notebook import Notebook
    from nbprod.core.pipeline import Stage


KEPT = 4
# the last notebooks and what was found out of them: those who look again mostly look at the same
_LAST: list[tuple[list[Notebook], Surroundings, Pipeline]] = []


def analyze(
    notebooks: Sequence[Notebook], around: Surroundings = NOWHERE, texts: memory.Texts | None = None
) -> Pipeline:
    """Return the pipeline of one notebook, or of several in this order.

    What is wrong with them is in `Pipeline.diagnostics`; nothing is raised for the user's mistakes. `texts` are cells
    as IPython rewrites them, where somebody keeps them for longer than this process.
    """
    books = list(notebooks)
    for known in _LAST:
        if known[0] == books and known[1] == around:
            return known[2]
    token = memory.texts.set(texts)
    try:
        pipeline = _analyze(books, around)
    finally:
        memory.texts.reset(token)
    _LAST.insert(0, (books, around, pipeline))
    del _LAST[KEPT:]
    return pipeline


def _analyze(notebooks: Sequence[Notebook], around: Surroundings) -> Pipeline:
    with undisturbed():
        try:
            return _judged(notebooks, around)
        except RecursionError:
            with suppress(*stack.TOO_DEEP):
                return stack.enlarged(lambda: _judged(notebooks, around))
            return _judged(notebooks, around, shallow=True)


def _judged(notebooks: Sequence[Notebook], around: Surroundings, *, shallow: bool = False) -> Pipeline:
    findings = find(notebooks, shallow=shallow)
    findings.around = around
    return replace(findings.pipeline, diagnostics=diagnostics.check(findings))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector from going through all trees again and again while they are made."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if not gc.get_freeze_count():
                gc.freeze()  # they stay for the next analysis: they are old at once, without a look at each
                gc.unfreeze()
            gc.enable()


def find(notebooks: Sequence[Notebook], *, shallow: bool = False) -> Findings:
    """Return the pipeline without diagnostics, and what it was made from; `shallow` refuses cells that are too deep."""
    parsed, statements, context = notes_of(notebooks, shallow=shallow)
    stable = replays.stable(statements)
    stages = roles.name_stages(parsed)
    roles.assign(statements, stages)
    links = Linker(stable, statements, context.names).run()
    modules = {name: text for notebook in notebooks for name, text in notebook.modules.items()}
    assembly = Assembly(statements, parsed, links, stable, modules)
    names = list(dict.fromkeys(stages[id(item.cell)] for item in parsed if id(item.cell) in stages))
    order, cycle = ordered(names, links)
    cells: dict[str, list[Parsed]] = {name: [] for name in order}
    for item in parsed:
        if id(item.cell) in stages:
            cells[stages[id(item.cell)]].append(item)
    built = {name: assembly.stage(name, cells[name]) for name in order}
    pseudo = {name: _pseudo(assembly, parsed, name) for name in PSEUDO}
    first = notebooks[0]
    pipeline = Pipeline(
        first.path,
        tuple(built.values()),
        links.as_edges(order),
        parameters.parameters_of(parsed),
        roles.roles_of(notebooks, statements, stages),
        (),
        pseudo["serve"],
        pseudo["gate"],
        pseudo["test"],
        model.candidates(statements),
        _left_out(statements, first.path),
        first.kernel,
        first.metadata,
        tuple(notebook.path for notebook in notebooks),
        definitions=tuple(assembly.prelude([item for item in statements if item.fate == "replay"])),
    )
    return Findings(notebooks, parsed, statements, context, stable, stages, links, pipeline, cycle)


def _left_out(statements: Sequence[Statement], first: str) -> tuple[int | str, ...]:
    """Return the cells that are left out: by number, those of other notebooks with the file's name."""
    cells = {(item.parsed.notebook, item.cell.number): None for item in statements if item.fate == "left-out"}
    return tuple(number if path == first else f"{path} cell {number}" for path, number in cells)


def _pseudo(assembly: Assembly, parsed: Sequence[Parsed], name: str) -> Stage | None:
    cells = [item for item in parsed if item.cell.tag is not None and item.cell.tag.role == name]
    return assembly.stage(name, cells) if cells else None
