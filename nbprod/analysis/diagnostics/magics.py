"""NB111 and NB206: magics nothing is known of, and magics that reach where analysis cannot follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis import cells
from nbprod.analysis.diagnostics.base import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic

REFUSED = {
    "run": "write it on a line of its own, outside blocks and %% cells",
    "store": "give the notebooks together, nbprod run FIRST SECOND, and read the name; or keep the value in a file",
    "reset": "leave it out: every run starts empty",
    "reset_selective": "use `del`",
    "xdel": "use `del`",
    "load": "paste the code into the cell",
    "cd": "name the folder instead of `-`",
    "pushd": "use %cd with the folder's name",
    "popd": "use %cd with the folder's name",
    "dhist": "leave it out",
    "alias": "write the command after `!`",
    "unalias": "leave it out",
    "rehashx": "leave it out",
    "loadpy": "paste the code into the cell",
    "macro": "write a function",
    "rerun": "write a function",
    "save": "leave it out",
    "bookmark": "leave it out",
}


def _check(findings: Findings) -> Iterator[Diagnostic]:
    for statement in findings.statements:
        for kind, name, line in statement.facts.magics:
            if kind == "unknown" and name not in REFUSED:
                yield cells.unknown_magic(statement.parsed, f"%{name}", line)


def _refused(findings: Findings) -> Iterator[Diagnostic]:
    for statement in findings.statements:
        for kind, name, line in statement.facts.magics:
            said = name == "run" and line in statement.parsed.refused  # why, in together.py
            empty = name == "reset" and statement.index == 0 and findings.one_session
            if kind == "unknown" and name in REFUSED and not said and not empty:
                yield _REFUSED.at(statement, f"%{name} changes names that analysis cannot see", REFUSED[name], line)


_REFUSED = Rule(
    "NB206",
    "error",
    "a magic that binds names out of sight",
    "What this magic reads or binds is in another file or in IPython's own store, so stages cannot be told apart.",
    "%macro prepare 3-5",
    "def prepare(df): ...",
    check=_refused,
)
RULES = (
    Rule(
        "NB111",
        "error",
        "unknown magic",
        "A magic may read and bind any name. Of this one nothing is known, so no sound pipeline can be derived.",
        "%%sql\nselect * from orders",
        'orders = pd.read_sql("select * from orders", connection)',
        check=_check,
    ),
    _REFUSED,
)
