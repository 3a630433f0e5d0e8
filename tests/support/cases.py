"""Fixed cases: notebooks with the right answer for each, read from the texts in `tests/cases`.

A case begins with `=== name`; lines beginning with `---` open its parts, whose text follows:

* `--- a` a cell of stage a; `--- -` an untagged cell; `--- setup`, `parameters`, `gate`, `skip`, `md` likewise,
* `--- file PATH` a file beside the notebook (in another notebook, `# %% TAG` begins each cell), `--- env NAME=VALUE`, `--- set NAME = LITERAL` an override,
* `--- expect` lines `name = literal`: what must come out besides all other values, which are those top to bottom,
* `--- except NAME …` names not compared,
* `--- needs 3.12` the Python whose syntax it uses,
* `--- refused CODE [CELL [LINE]]` instead: refused before running, there, with a fix.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "cases"
ROLES = {"parameters", "setup", "serve", "gate", "test", "skip", "md"}


@dataclass
class Case:
    """A notebook and what must come of it."""

    group: str
    name: str
    cells: list[tuple[str | None, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    expect: dict[str, Any] = field(default_factory=dict)
    refused: tuple[str, int | None, int | None] | None = None
    needs: tuple[int, ...] = (3, 0)
    aside: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.group}: {self.name}"


@cache
def cases(*groups: str) -> tuple[Case, ...]:
    """Return the cases of these groups, of all when none is named."""
    names = groups or tuple(sorted(path.stem for path in FOLDER.glob("*.txt")))
    found = tuple(case for name in names for case in _read(FOLDER / f"{name}.txt"))
    assert len({str(case) for case in found}) == len(found), "two cases have one name"
    return found


def _read(path: Path) -> list[Case]:
    _, *texts = ("\n" + path.read_text(encoding="utf-8")).split("\n=== ")
    return [case for text in texts if (case := _case(path.stem, text)).needs <= sys.version_info]


def _case(group: str, text: str) -> Case:
    head, *parts = text.split("\n--- ")
    case = Case(group, head.strip())
    for part in parts:
        opening, _, body = part.partition("\n")
        word, _, rest = opening.strip().partition(" ")
        _add(case, word, rest.strip(), body.rstrip("\n") if word != "file" else body.rstrip("\n") + "\n")
    return case


def _add(case: Case, word: str, rest: str, body: str) -> None:
    if word == "file":
        case.files[rest] = body
    elif word == "env":
        name, _, value = rest.partition("=")
        case.env[name] = value
    elif word == "set":
        name, _, value = rest.partition("=")
        case.given[name.strip()] = ast.literal_eval(value.strip())
    elif word == "except":
        case.aside.update(rest.split())
    elif word == "needs":
        case.needs = tuple(map(int, rest.split(".")))
    elif word == "expect":
        for line in body.splitlines():
            name, _, value = line.partition("=")
            case.expect[name.strip()] = eval(value)
    elif word == "refused":
        code, cell, line, *_ = [*rest.split(), None, None]
        case.refused = (str(code), int(cell) if cell else None, int(line) if line else None)
    else:
        tag = None if word == "-" else word if word in ROLES else f"stage:{word}"
        case.cells.append((tag, body))
