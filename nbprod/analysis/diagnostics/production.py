"""NB209, NB302, NB303, NB305: what works at the author's desk only."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement

_ABSOLUTE = re.compile(r"(/(home|Users|mnt|media|content|kaggle|tmp|root|data|var|opt|srv)/|[A-Za-z]:[\\/]|~/).+")
_SECRET_NAME = re.compile(r"(?i)(^|_)(password|passwd|pwd|secret|token|api_?key|access_?key|auth)($|_)")
_SECRET_HINT = re.compile(r"(?i)passw|pwd|secret|token|key|auth")
_SECRET_VALUE = re.compile(
    r"AKIA[0-9A-Z]{16}|ghp_\w{30,}|sk-\w{20,}|xox[abp]-\w{10,}|hf_\w{30,}|://[^/\s:]+:[^@\s{]+@"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
)


def _hinting(findings: Findings, *hints: re.Pattern[str]) -> Iterator[Statement]:
    """Yield the statements of cells whose text has any of the patterns; the others need not be looked through."""
    cells = {id(item): any(hint.search(item.cell.body) for hint in hints) for item in findings.parsed}
    return (statement for statement in findings.statements if cells[id(statement.parsed)])


def _texts(statement: Statement) -> Iterator[tuple[str, int]]:
    for node in ast.walk(statement.node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno + statement.parsed.offset


def _absolute(findings: Findings) -> Iterator[Diagnostic]:
    for statement in _hinting(findings, _ABSOLUTE):
        for text, line in _texts(statement):
            if len(text) < 300 and _ABSOLUTE.fullmatch(text):
                message = f"{text!r} is a path of one machine"
                yield _ABSOLUTE_RULE.at(statement, message, "use a path relative to the notebook, or a parameter", line)


def _secret(findings: Findings) -> Iterator[Diagnostic]:
    for statement in _hinting(findings, _SECRET_VALUE, _SECRET_HINT):
        line = next((line for text, line in _texts(statement) if _SECRET_VALUE.search(text)), None)
        named = _named_secret(statement.node)
        if line is None and named is not None:
            line = named + statement.parsed.offset
        if line is not None:
            fix = 'nbprod.secret("NAME"), or an environment variable'
            yield _SECRET_RULE.at(statement, "this looks like a secret", fix, line)


def _named_secret(node: ast.stmt) -> int | None:
    """Return the line where a text is given to a name such as `password`."""
    for item in ast.walk(node):
        pairs: list[tuple[str, ast.expr]] = []
        if isinstance(item, ast.Assign):
            pairs = [(target.id, item.value) for target in item.targets if isinstance(target, ast.Name)]
        elif isinstance(item, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in item.keywords if keyword.arg]
        for name, value in pairs:
            if (
                _SECRET_NAME.search(name)
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
                and len(value.value) > 3
            ):
                return value.lineno
    return None


def _install(findings: Findings) -> Iterator[Diagnostic]:
    for statement in findings.statements:
        if "install" in statement.effects:
            message = f"`{statement.effects['install'].strip()}` installs packages while the notebook runs"
            yield _INSTALL.at(statement, message, "put them into requirements.txt")


def _input(findings: Findings) -> Iterator[Diagnostic]:
    for statement in findings.statements:
        if "input" in statement.effects and statement.owner is not None and statement.fate == "own":
            yield _INPUT.at(statement, "nobody is there to answer input() in a run", "make it a parameter")


def _outputs(findings: Findings) -> Iterator[Diagnostic]:
    for item in findings.parsed:
        if any(_SECRET_VALUE.search(text) for output in item.cell.outputs for text in _output_texts(output)):
            place = (item.notebook, item.cell.number, item.cell.id, 1)
            yield Diagnostic(
                "NB303", "warning", "an output shows what looks like a secret", *place, fix="clear the output"
            )


def _output_texts(output: object) -> Iterator[str]:
    text = output.get("text") if isinstance(output, dict) else None
    if isinstance(text, str):
        yield text
    elif isinstance(text, list):
        yield from (line for line in text if isinstance(line, str))


_ABSOLUTE_RULE = Rule(
    "NB302",
    "warning",
    "an absolute path",
    "The path exists on the author's machine only.",
    'pd.read_csv("/home/ann/data/orders.csv")',
    'pd.read_csv("data/orders.csv")',
    check=_absolute,
)
_SECRET_RULE = Rule(
    "NB303",
    "warning",
    "a secret in the notebook",
    "A notebook is stored, shared and shown; what is written in it is no secret any more. nbprod.secret keeps it out "
    "of notebooks, logs, records and images.",
    'password = "hunter22"',
    'password = nbprod.secret("DB_PASSWORD")',
    check=_secret,
)
_INSTALL = Rule(
    "NB305",
    "info",
    "packages installed by a cell",
    "Every run would install again, perhaps another version, and the image would not have them.",
    "!pip install lightgbm",
    check=_install,
)
_INPUT = Rule(
    "NB209",
    "error",
    "a cell that asks",
    "A pipeline runs unattended.",
    'n = int(input("rows?"))',
    "n = 100    # in the parameters cell",
    check=_input,
)
RULES = (
    _ABSOLUTE_RULE,
    _SECRET_RULE,
    _INSTALL,
    _INPUT,
    Rule("NB303", "warning", _SECRET_RULE.title, _SECRET_RULE.why, check=_outputs),
)
