"""`--explain`: of diagnostics after their rules, of errors after `errors/*.toml`; every code is in one of them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


@cache
def errors() -> tuple[Rule, ...]:
    """Return what is said of errors, by code."""
    found = []
    for file in sorted(
        resources.files(__name__.rpartition(".")[0]).joinpath("errors").iterdir(), key=lambda file: file.name
    ):
        if file.name.endswith(".toml"):
            for code, said in tomllib.loads(file.read_text(encoding="utf-8")).items():
                found.append(
                    Rule(code, "error", said["title"], said["why"], said.get("example", ""), said.get("fix", ""))
                )
    return tuple(sorted(found, key=lambda rule: rule.code))


def every(rules: Sequence[Rule]) -> dict[str, Rule]:
    """Return all rules and errors by code."""
    return {rule.code: rule for rule in (*reversed(errors()), *reversed(rules))}


def explain_of(rules: Sequence[Rule], code: str) -> str:
    """Return the explanation of a code; raises `UsageError` naming codes like it."""
    known = every(rules)
    wanted = code.strip().upper()
    if wanted.isdigit():
        wanted = f"NB{wanted}"
    if wanted not in known:
        near = _near(wanted, sorted(known))
        raise UsageError(
            "NB915", f"there is no code {code}", f"near it: {', '.join(near)}; nbprod check --explain lists all"
        )
    return known[wanted].explain()


def codes_of(rules: Sequence[Rule]) -> str:
    """Return a line for each code."""
    known = every(rules)
    return "\n".join(f"{code}  {known[code].severity:<7}  {known[code].title}" for code in sorted(known))


def _near(code: str, known: Sequence[str]) -> list[str]:
    """Return codes that begin alike, else those with the next numbers, else those written alike."""
    from difflib import get_close_matches

    digits = "".join(sign for sign in code if sign.isdigit())[:3]
    found = [item for item in known if digits and item[2:].startswith(digits)]
    if len(digits) == 3:
        found = sorted(known, key=lambda item: abs(int(item[2:]) - int(digits)))
    return sorted((found or get_close_matches(code, known, 6, 0.4) or list(known))[:6])
