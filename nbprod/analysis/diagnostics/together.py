"""NB107, NB216 and NB217: what stands in the way of making one pipeline of several files."""

from __future__ import annotations

import ast
import symtable
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule, place
from nbprod.analysis.expressions import BUILTINS
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement

_SHARE = "%run -i shares the notebook's names"


def _twice(findings: Findings) -> Iterator[Diagnostic]:
    first: dict[str, str] = {}
    for item in findings.parsed:
        stage = findings.stages.get(id(item.cell))
        if stage is None or item.cell.tag is None:
            continue
        origin = item.notebook if item.top is None or item.top.tag is None else item.place[0]
        before = first.setdefault(stage, origin)
        if before != origin:
            message = f"stage {stage} is in {before} and in {origin}"
            where = (item.notebook, item.cell.number or None, item.cell.id, 1)
            yield Diagnostic("NB107", "error", message, *where, fix="give one of the two another name")
            first[stage] = origin


def _apart(findings: Findings) -> Iterator[Diagnostic]:
    first, *others = findings.notebooks
    for other in others:
        if other.kernel and first.kernel and other.kernel != first.kernel:
            message = f"{other.path} wants the kernel {other.kernel}, {first.path} {first.kernel}"
            yield Diagnostic("NB217", "error", message, other.path, fix="choose one kernel for all, in Jupyter")
        if _folder(other.path) != _folder(first.path):
            message = f"{other.path} is not in the folder of {first.path}, where the pipeline runs"
            fix = "put them into one folder, so that paths in them mean the same files"
            yield Diagnostic("NB217", "error", message, other.path, fix=fix)
        if other.path in [item.path for item in findings.notebooks if item is not other]:
            yield Diagnostic("NB217", "error", f"{other.path} is given twice", other.path, fix="give it once")


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _run(findings: Findings) -> Iterator[Diagnostic]:
    for item in {id(item.refused): item for item in findings.parsed if item.refused}.values():
        home = item.cell
        for line, (message, fix) in item.refused.items():
            text = f"%run cannot be followed: {message}"
            yield Diagnostic("NB216", "error", text, item.notebook, home.number or None, home.id, line, fix=fix)
    moved: Statement | None = None
    for statement in findings.statements:
        if statement.parsed.argv and moved is not None and moved.parsed is not statement.parsed:
            book, top = statement.parsed.place
            message = f"which file %run means depends on the folder that {place(moved, statement)} changes to"
            fix = "%run it before, or change the folder back in the same cell"
            yield Diagnostic("NB216", "error", message, book, top.number, top.id, statement.parsed.line, fix=fix)
            moved = None
        moved = statement if "cwd" in statement.state else moved
    for parsed in findings.parsed:
        if parsed.isolated:
            yield from _isolation([item for item in findings.statements if item.parsed is parsed], findings.statements)


def _isolation(script: Sequence[Statement], everything: Sequence[Statement]) -> Iterator[Diagnostic]:
    """Yield what would differ because a script, until it ends, has names of its own."""
    if not script:
        return
    own = {name for item in script for name in item.facts.binds | item.facts.maybe}
    before = {name for item in everything[: script[0].index] for name in item.facts.binds | item.facts.maybe}
    bound: set[str] = set()
    inner = _globals_of_functions(script[0].cell.body)
    for item in script:
        early = {name for name in item.facts.reads if name not in bound}
        early |= inner - own if item is script[-1] else set()
        for name in sorted(early & before - BUILTINS):
            message = f"`{name}` is the notebook's; a script that %run starts has no names but its own"
            yield _RUN.at(item, message, _SHARE, item.facts.reads.get(name))
        bound |= item.facts.binds
        gone = sorted(item.facts.deletes & before)
        if gone:
            yield _RUN.at(item, f"the script deletes its `{gone[0]}`, not the notebook's", _SHARE)
        elif any(isinstance(node, ast.Global) for node in ast.walk(item.node)):
            yield _RUN.at(item, "by `global`, the script changes names of its own alone", _SHARE)
    for other in everything[script[-1].index + 1 :]:
        for name in sorted(inner & own & (other.facts.binds | other.facts.maybe | other.facts.deletes)):
            message = f"`{name}` gets another value here, but functions of {script[0].parsed.notebook} keep their own"
            yield _RUN.at(other, message, "use another name, or %run -i")


def _globals_of_functions(source: str) -> set[str]:
    """Return the module's names that code inside functions and classes mentions."""
    try:
        tables = list(symtable.symtable(source, "<script>", "exec").get_children())
    except (SyntaxError, ValueError, RecursionError):
        return set()
    found: set[str] = set()
    while tables:
        table = tables.pop()
        found |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        tables += table.get_children()
    return found


_RUN = Rule(
    "NB216",
    "error",
    "a %run line that cannot be followed",
    "The cells of a notebook, or the lines of a script, that %run starts become part of the pipeline in the place of "
    "that line. That needs one file, known from the text, and a script whose names mean the same in the notebook.",
    'for name in ("load", "clean"):\n    %run {name}.ipynb',
    "%run load.ipynb\n%run clean.ipynb",
    check=_run,
)
RULES = (
    Rule(
        "NB107",
        "error",
        "one stage in two notebooks",
        "A stage's cells run together; those of two notebooks are seldom meant to, and a stage's name stands for one "
        "thing in a pipeline.",
        "# 01.ipynb\n%%mlops stage load\n# 02.ipynb\n%%mlops stage load",
        "# 01.ipynb\n%%mlops stage load_orders\n# 02.ipynb\n%%mlops stage load_customers",
        check=_twice,
    ),
    _RUN,
    Rule(
        "NB217",
        "error",
        "notebooks that cannot be one pipeline",
        "Notebooks given together run one after another as if in one kernel: with one Python, and in one folder.",
        "nbprod run a/load.ipynb b/train.ipynb",
        "nbprod run load.ipynb train.ipynb",
        check=_apart,
    ),
)
