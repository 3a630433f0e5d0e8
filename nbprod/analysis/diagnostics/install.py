"""NB305: cells that install packages."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic, Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.findings import Findings

_LINE = re.compile(
    r"^(?P<margin>[ \t]*)(?:!{1,2}|%)[ \t]*(?:(?:python[0-9.]*|\{?sys\.executable\}?)[ \t]+-m[ \t]+)?"
    r"(?P<tool>uv[ \t]+pip|pip[0-9.]*|conda|mamba|micromamba)[ \t]+install\b(?P<rest>.*)$"
)
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[\w, .-]+\])?(?:\s*(?:[<>=!~]=?=?)\s*[\w.*+!-]+)?(?:,\s*[<>=!~]=?=?\s*[\w.*+!-]+)*"
)
HARMLESS = {
    "-q",
    "-qq",
    "-qqq",
    "--quiet",
    "-U",
    "--upgrade",
    "-y",
    "--yes",
    "--user",
    "--no-cache-dir",
    "--progress-bar=off",
}


def _check(findings: Findings) -> Iterator[Diagnostic]:
    if not any("install" in statement.effects for statement in findings.statements):
        return
    told: set[tuple[int, int]] = set()
    for statement in findings.statements:
        if "install" not in statement.effects:
            continue
        item = statement.parsed
        first, last = statement.first + item.offset, statement.last + item.offset
        lines = item.cell.source.split("\n")
        for number in range(first, min(last, len(lines)) + 1):
            match = _LINE.match(lines[number - 1])
            if match and (id(item), number) not in told:
                told.add((id(item), number))
                yield _found(item, number, match)
        if not any(place[0] == id(item) for place in told):
            told.add((id(item), first))
            yield _found(item, first, None)


def _found(item: Parsed, line: int, match: re.Match[str] | None) -> Diagnostic:
    wanted = _requirements(match) if match else []
    edits: tuple[Edit, ...] = ()
    fix = "put them into requirements.txt"
    lines = item.cell.source.split("\n")
    if wanted and match:
        whole, margin = match.string, match["margin"]
        others = [text for text in lines if text.strip() and not text.startswith("%%") and not _LINE.match(text)]
        keep = "" if others and not margin else f"{margin}{'pass  ' if margin else ''}# {whole.strip()}"
        old, new = (f"{whole}\n", keep and f"{keep}\n") if line < len(lines) else (whole, keep)
        edits = (
            Edit("text", item.notebook, item.cell.number, new, old, line, 0),
            *(Edit("requirement", item.notebook, item.cell.number, name) for name in wanted),
        )
        fix = f"move {', '.join(wanted)} to requirements.txt"
    what = lines[line - 1].strip() if match else "a cell"
    message = f"`{what}` installs packages while the notebook runs"
    return Diagnostic(
        "NB305", "warning", message, item.notebook, item.cell.number, item.cell.id, line, fix=fix, edits=edits
    )


def _requirements(match: re.Match[str]) -> list[str]:
    """Return what a plain install line asks for, as lines of requirements.txt; nothing where it does more than that."""
    if not match["tool"].startswith(("pip", "uv")):
        return []
    try:
        words = shlex.split(match["rest"], comments=True)
    except ValueError:
        return []
    named = [word for word in words if word not in HARMLESS]
    plain = all(_REQUIREMENT.fullmatch(word) for word in named)
    return named if named and plain else []


RULES = (
    Rule(
        "NB305",
        "warning",
        "packages installed by a cell",
        "Every run would install again, perhaps another version, while other stages are running, and the image would "
        "not have them. What a notebook needs belongs into requirements.txt, with its versions.",
        "!pip install lightgbm",
        "# requirements.txt\nlightgbm==4.5.0",
        check=_check,
    ),
)
