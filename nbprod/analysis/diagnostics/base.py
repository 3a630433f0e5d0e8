"""What every rule is: a code, a severity, a title, an explanation, and a check that yields findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Edit, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; `--explain` prints `why`, with `example`, a cell that breaks it, and `fix`, a mended one."""

    code: str
    severity: Severity
    title: str
    why: str
    example: str = ""
    fix: str = ""
    check: Callable[[Findings], Iterator[Diagnostic]] | None = None

    def at(
        self,
        statement: Statement,
        message: str,
        fix: str | None = None,
        line: int | None = None,
        edits: tuple[Edit, ...] = (),
    ) -> Diagnostic:
        """Return a finding at a statement."""
        cell = statement.cell
        place = line if line is not None else statement.first + statement.parsed.offset
        return Diagnostic(
            self.code,
            self.severity,
            message,
            statement.parsed.notebook,
            cell.number or None,
            cell.id,
            place,
            fix=fix,
            edits=edits,
        )

    def explain(self) -> str:
        """Return the explanation with its example."""
        parts = [f"{self.code}  {self.title}", self.why]
        if self.example:
            parts.append("For example:\n" + _indented(self.example))
        if self.fix:
            parts.append("Instead:\n" + _indented(self.fix))
        return "\n\n".join(parts) + "\n"


def place(statement: Statement, near: Statement | None = None) -> str:
    """Return `cell 7`, with the file's name where `near` is in another one; a script has no cells."""
    number, path = statement.cell.number, statement.parsed.notebook
    if not number:
        return path
    return f"cell {number}" if near is None or near.parsed.notebook == path else f"cell {number} of {path}"


def hinting(findings: Findings, words: Sequence[str]) -> Iterator[Statement]:
    """Yield the statements of cells whose text has any of the words (in lower case); the others cannot matter."""
    texts = findings.lowered
    together = "\0".join(texts)
    there = [word for word in words if word in together]
    cells = {
        id(item)
        for item, text in zip(findings.parsed, texts if there else (), strict=False)
        if any(word in text for word in there)
    }
    return (statement for statement in findings.statements if id(statement.parsed) in cells) if cells else iter(())


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
