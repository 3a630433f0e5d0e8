"""docs/diagnostics.md's tables, from the data of `nbprod check --explain`; run it to write them anew."""

from __future__ import annotations

from pathlib import Path

from nbprod.analysis.diagnostics import RULES
from nbprod.analysis.diagnostics.explaining import errors

PAGE = Path(__file__).parents[2] / "docs" / "diagnostics.md"
MARK = "<!-- from here on made by tests/support/diagnostics_page.py -->\n"


def tables() -> str:
    """Return the two tables."""
    rules = {rule.code: rule for rule in reversed(RULES)}
    parts = ["\n## Diagnostics\n\n| code | severity | what |\n| --- | --- | --- |\n"]
    parts += [f"| {code} | {rules[code].severity} | {rules[code].title} |\n" for code in sorted(rules)]
    parts.append("\n## Errors\n\n| code | what |\n| --- | --- |\n")
    parts += [f"| {rule.code} | {rule.title} |\n" for rule in errors()]
    return "".join(parts)


def page(text: str) -> str:
    """Return the page with its tables made anew."""
    return text.split(MARK)[0] + MARK + tables()


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
