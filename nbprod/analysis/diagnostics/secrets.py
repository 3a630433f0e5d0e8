"""NB303: secrets in cells and outputs."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule, hinting
from nbprod.core.pipeline import Diagnostic, Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings

NAME = re.compile(
    r"(?i)(^|_)(password|passwd|pwd|passphrase|secret|token|api_?key|access_?key|private_?key|secret_?key|account_?key|"
    r"credentials?|auth)($|_)(?!.*(name|column|col|path|file|url|id|field|size|len|count|type|env)$)"
)
WORDS = (
    "passw", "pwd", "passphrase", "secret", "token", "key", "auth", "credential", "akia", "asia", "ghp_", "gho_",
    "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "sk-", "_live_", "xox", "hf_", "aiza", "ya29.", "npm_", "pypi-",
    "dapi",
    "sg.", "eyj", "://",
)  # fmt: skip
HINT = re.compile(r"(?i)passw|pwd|passphrase|secret|token|key|auth|credential")
KNOWN = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{40,}|\bglpat-[\w-]{20,}"
    r"|\bsk-(?=[\w-]*[0-9])(?=[\w-]*[A-Z])[\w-]{20,}|\b(?:sk|rk|pk)_live_[A-Za-z0-9]{20,}|\bxox[abeoprs]-[\w-]{10,}|\bhf_[A-Za-z0-9]{30,}"
    r"|\bAIza[\w-]{35}|\bya29\.[\w-]{20,}|\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{50,}|\bdapi[0-9a-f]{32}\b"
    r"|\bSG\.[\w-]{22}\.[\w-]{43}|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|(?i:AccountKey=)[A-Za-z0-9+/=]{40,}|://[^/\s:@]+:(?!\*+@)[^@/\s{<]+@"
)
PLACEHOLDER = re.compile(
    r"(?i)x+|\*+|\.+|<.*>|\{.*\}|\[.*\]|your.*|my[_-].*|change.?me|todo|none|null|example.*|dummy|test|placeholder|redacted"
    r"|secret|password|token|key|auth|bearer|basic|oauth2?"
)
ASSIGNED = re.compile(
    r"""(?i)([\w.\[\]"']*(?:passw|pwd|passphrase|secret|token|key|auth|credential)[\w"'\]]*\s*[=:,]\s*)"""
    r"""[rbuf]{0,2}("[^"\n]*"|'[^'\n]*')"""
)
PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*")
_LINE = re.compile(r"[^\n]+")
_SETS = re.compile(r"[A-Za-z_]\w*=\S+$")


def masked(text: str) -> str:
    """Return a text with all that looks like a secret replaced by `***`."""
    if not (HINT.search(text) or KNOWN.search(text)):
        return text
    hidden = PEM.sub(lambda match: _LINE.sub("***", match[0]), text)
    return ASSIGNED.sub(lambda match: f"{match[1]}'***'", KNOWN.sub("***", hidden))


def _check(findings: Findings) -> Iterator[Diagnostic]:
    for statement in hinting(findings, WORDS):
        lines = list(_lines(statement.node))
        if lines:
            fix = 'nbprod.secret("NAME"), or an environment variable; then make the old one invalid'
            yield _RULE.at(statement, "this looks like a secret", fix, min(lines) + statement.parsed.offset)


def _lines(node: ast.stmt) -> Iterator[int]:
    """Yield the lines where a secret is written."""
    for item in ast.walk(node):
        text = item.value if isinstance(item, ast.Constant) and isinstance(item.value, str) else ""
        if text and isinstance(item, ast.Constant) and (KNOWN.search(text) or _sets_secret(text)):
            yield item.lineno
        for name, value in _pairs(item):
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and _secret(name, value.value):
                yield value.lineno


def _pairs(item: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield names and what they are given: assignments, keywords, items of dicts, defaults of lookups."""
    if isinstance(item, ast.Assign):
        yield from ((_word(target), item.value) for target in item.targets)
    elif isinstance(item, ast.AnnAssign):
        yield _word(item.target), item.value
    elif isinstance(item, ast.Call):
        yield from ((keyword.arg or "", keyword.value) for keyword in item.keywords)
        if (
            isinstance(item.func, ast.Attribute)
            and item.func.attr in ("get", "getenv", "setdefault")
            and len(item.args) > 1
        ):
            yield _word(item.args[0]), item.args[1]
    elif isinstance(item, ast.Dict):
        yield from ((_word(key), value) for key, value in zip(item.keys, item.values, strict=True) if key is not None)


def _sets_secret(text: str) -> bool:
    """Whether a text is as in `%env API_KEY=…`."""
    return bool(_SETS.match(text)) and _secret(*text.split("=", 1))


def _word(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return _word(node.slice)
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _secret(name: str, value: str) -> bool:
    """Whether a text given to a name is a secret: the name says so, and the text is neither a word nor made of dots."""
    if len(value) < 5 or not NAME.search(name) or PLACEHOLDER.fullmatch(value.strip()) or " " in value.strip():
        return False
    if re.search(r"(?i)passw|passwd|pwd|passphrase", name):
        return True
    return entropy(value) >= 2.5 and not re.fullmatch(r"[a-z_ -]+|[A-Z_ -]+", value)


def entropy(value: str) -> float:
    """Return the bits a character of a text tells."""
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())


def _outputs(findings: Findings) -> Iterator[Diagnostic]:
    for item in findings.parsed:
        if any(KNOWN.search(text) for output in item.cell.outputs for text in texts(output)):
            edits = (Edit("outputs", item.notebook, item.cell.number),)
            place = (item.notebook, item.cell.number, item.cell.id, 1)
            message = "an output shows what looks like a secret"
            yield Diagnostic("NB303", "warning", message, *place, fix="clear the output", edits=edits)


def texts(output: object) -> Iterator[str]:
    """Yield all texts within an output, whatever its kind."""
    if isinstance(output, str):
        yield output
    elif isinstance(output, dict):
        for key, value in output.items():
            yield from texts(value) if not str(key).startswith("image/") else ()
    elif isinstance(output, (list, tuple)):
        if output and all(isinstance(value, str) for value in output):
            yield "".join(output)
        else:
            for value in output:
                yield from texts(value)


_RULE = Rule(
    "NB303",
    "warning",
    "a secret in the notebook",
    "A notebook is stored, shared and shown; what is written in it is no secret any more. nbprod.secret keeps it out "
    "of notebooks, logs, records and images. What was already shared should be made invalid where it was issued.",
    'password = "hunter22"',
    'password = nbprod.secret("DB_PASSWORD")',
    check=_check,
)
RULES = (_RULE, Rule("NB303", "warning", _RULE.title, _RULE.why, _RULE.example, _RULE.fix, check=_outputs))
