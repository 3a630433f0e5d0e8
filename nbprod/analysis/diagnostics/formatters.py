"""NB312: formatters and linters of the project that do not know `%%mlops` lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic, Edit
from nbprod.notebooks import format_tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.findings import Findings


def _check(findings: Findings) -> Iterator[Diagnostic]:
    tools = findings.around.tools
    magic = [item for item in findings.parsed if item.cell.tag is not None and item.cell.tag.source == "magic"]
    if not tools or not magic:
        return
    if _removes_imports(tools.get("ruff")):
        for item in magic:
            yield _found(item, "ruff does not look into this cell, and removes imports that only such cells use")
    elif "black" in tools and "mlops" not in tools["black"].get("python-cell-magics", ()):
        for item in magic:
            yield _found(item, "black leaves cells that begin with %%mlops as they are")


def _removes_imports(ruff: Any) -> bool:
    """Whether ruff, with these settings, looks at notebooks and takes unused imports away."""
    if not isinstance(ruff, dict):
        return False
    lint: Mapping[str, Any] = ruff.get("lint", {}) if isinstance(ruff.get("lint", {}), dict) else {}
    excluded = [*ruff.get("exclude", ()), *ruff.get("extend-exclude", ()), *lint.get("exclude", ())]
    if any(str(pattern).endswith(".ipynb") for pattern in excluded):
        return False
    named = {**ruff, **lint}
    off = [*named.get("ignore", ()), *named.get("extend-ignore", ()), *named.get("unfixable", ())]
    files = [
        code for pattern, codes in named.get("per-file-ignores", {}).items() if "ipynb" in pattern for code in codes
    ]
    chosen = [*named.get("select", ("F",)), *named.get("extend-select", ())]
    return any(_covers(code) for code in chosen) and not any(_covers(code) for code in (*off, *files))


def _covers(code: str) -> bool:
    return code == "ALL" or "F401".startswith(code)


def _found(item: Parsed, message: str) -> Diagnostic:
    assert item.cell.tag is not None
    said = format_tag(item.cell.tag).removeprefix("%%mlops ")
    edits = (Edit("tag", item.notebook, item.cell.number, said, "magic"),)
    place = (item.notebook, item.cell.number, item.cell.id, 1)
    return Diagnostic("NB312", "warning", message, *place, fix="keep the tag in the cell's metadata", edits=edits)


RULES = (
    Rule(
        "NB312",
        "warning",
        "a formatter that does not know the magic",
        "ruff and black pass over cells that begin with a cell magic they do not know. ruff then takes names that such "
        "cells use for unused, and with --fix deletes their imports elsewhere. A tag in the cell's metadata says the "
        'same and is in nobody\'s way; black can also be told: python-cell-magics = ["mlops"] in [tool.black].',
        "import os      # ruff check --fix removes this line\n# next cell:\n%%mlops stage load\nos.listdir()",
        '# metadata of the cell: {"nbprod": {"stage": "load"}}\nos.listdir()',
        check=_check,
    ),
)
