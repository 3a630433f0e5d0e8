"""NB304: random numbers without a seed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.analysis import knowledge
from nbprod.analysis.diagnostics.base import Rule
from nbprod.analysis.diagnostics.edits import before, dotted, imported_as, with_keyword
from nbprod.analysis.stages import GENERATORS, seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Diagnostic, Edit

SEEDS = {
    "numpy.random": ("numpy", "np", "{}.random.seed(0)"),
    "random": ("random", "random", "{}.seed(0)"),
    "torch.random": ("torch", "torch", "{}.manual_seed(0)"),
}


def _check(findings: Findings) -> Iterator[Diagnostic]:
    seeds = seeded(findings.statements)
    told: set[int] = set()
    offered: set[str] = set()
    for statement in findings.statements:
        if not (statement.state or statement.effects):
            continue
        causes = [
            (token, cause)
            for token, cause in statement.state.items()
            if token in GENERATORS and seeds.get(token, len(findings.statements)) > statement.index
        ]
        entropy = statement.effects.get("entropy", "")
        if entropy.endswith("without a seed"):
            causes.append(("", entropy.removesuffix(" without a seed")))
        if not causes or statement.owner is None:
            continue
        edits = _argument(findings, statement) or _seeding(findings, statement, causes, offered)
        if edits or id(statement.cell) not in told:
            told.add(id(statement.cell))
            message = f"random numbers without a seed ({causes[0][1]}): two runs will differ"
            seed = edits[0].new.strip(", \n").splitlines()[-1] if edits else ""
            fix = f"give it a seed: {seed}" if seed else "pass random_state=0, or call np.random.seed(0) before it"
            yield _RULE.at(statement, message, fix, edits=edits)


def _argument(findings: Findings, statement: Statement) -> tuple[Edit, ...]:
    """Return the edits that give the calls of this statement a seed of their own."""
    lists = knowledge.sets("random")
    edits: list[Edit] = []
    for node in ast.walk(statement.node):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(findings.context, node.func)
        method = node.func.attr if isinstance(node.func, ast.Attribute) and not name else ""
        if method in lists["random_methods"] and _draws_its_own(findings, node.func):
            continue
        given = {keyword.arg for keyword in node.keywords}
        if name in lists["entropy_without_argument"] and not node.args and not node.keywords:
            edits += with_keyword(statement, node, "", "0")
        elif given & {"random_state", None}:
            continue
        elif (
            name in lists["random_state"]
            or method in lists["random_methods"]
            or (name in lists["shuffled_random_state"] and "shuffle" in given)
        ):
            edits += with_keyword(statement, node, "random_state", "0")
    return tuple(edits)


def _draws_its_own(findings: Findings, method: ast.expr) -> bool:
    """Whether a method may be one of an object with its own generator, made in a statement or on the spot."""
    receiver = method.value if isinstance(method, ast.Attribute) else method
    made = [receiver]
    if isinstance(receiver, ast.Name):
        nodes = (node for statement in findings.statements for node in ast.walk(statement.node))
        made = [node.value for node in nodes if isinstance(node, ast.Assign) and _binds(node, receiver.id)]
    return any(_has_generator(findings, value) for value in made)


def _binds(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _has_generator(findings: Findings, value: ast.expr) -> bool:
    """Whether an expression such as `Class(…).fit(…)` starts with a class whose methods take no seed."""
    while isinstance(value, ast.Call):
        if dotted(findings.context, value.func) in knowledge.sets("random")["own_generator"]:
            return True
        value = value.func.value if isinstance(value.func, ast.Attribute) else value.func
    return False


def _seeding(
    findings: Findings, statement: Statement, causes: list[tuple[str, str]], offered: set[str]
) -> tuple[Edit, ...]:
    """Return the edit that seeds the global generator before it is drawn from for the first time."""
    token = next((token for token, _ in causes if token in SEEDS), None)
    if token is None or token in offered:
        return ()
    module, usual, call = SEEDS[token]
    name = imported_as(findings.context, module)
    if name is None and usual in findings.context.bound:
        return ()
    bound = name is not None and any(name in other.facts.binds for other in findings.statements[: statement.index])
    head = (
        "" if bound else f"import {module}\n" if (name or usual) == module else f"import {module} as {name or usual}\n"
    )
    edits = before(statement, head + call.format(name or usual))
    offered |= {token} if edits else set()
    return edits


_RULE = Rule(
    "NB304",
    "warning",
    "random numbers without a seed",
    "Two runs give two results, so nothing can be reused or compared.",
    "model = RandomForestClassifier()",
    "model = RandomForestClassifier(random_state=0)",
    check=_check,
)
RULES = (_RULE,)
