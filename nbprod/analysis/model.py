"""Which names may hold the model: fitted somewhere, and alive at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.roles import PSEUDO
from nbprod.core.pipeline import ModelCandidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.analysis.facts import Fit
    from nbprod.analysis.notes import Statement

FITTING = frozenset({"fit", "fit_transform", "fit_predict", "partial_fit"})
PREDICTING = frozenset({"predict", "predict_proba", "score"})


def candidates(statements: Sequence[Statement]) -> tuple[ModelCandidate, ...]:
    """Return the names that are fitted and reach the end, those asked for predictions first."""
    fits: dict[str, tuple[Fit, Statement]] = {}
    asked: dict[str, list[Fit]] = {}
    gone: set[str] = set()
    for statement in statements:
        if statement.owner is None or statement.fate != "own":
            continue
        if gone or statement.facts.deletes:
            gone = (gone | statement.facts.deletes) - statement.facts.binds
        for fit in _fits(statement) if statement.facts.fits else ():
            if fit.method in FITTING:
                fits[fit.name] = (fit, statement)
            else:
                asked.setdefault(fit.name, []).append(fit)
    found = [
        (not _predicts(asked.get(name, ())), _candidate(fit, statement, asked.get(name, ())))
        for name, (fit, statement) in fits.items()
        if name not in gone and statement.owner not in PSEUDO and not _transforms(fit, asked.get(name, ()))
    ]
    return tuple(candidate for _, candidate in sorted(found, key=lambda pair: pair[0]))


def _predicts(queries: Sequence[Fit]) -> bool:
    return any(query.method in PREDICTING for query in queries)


def _transforms(fit: Fit, queries: Sequence[Fit]) -> bool:
    """Whether a fitted object prepares data and is not the model."""
    return not _predicts(queries) and (
        fit.method == "fit_transform" or any(query.method == "transform" for query in queries)
    )


def _candidate(fit: Fit, statement: Statement, queries: Sequence[Fit]) -> ModelCandidate:
    inputs = [given for query in queries if query.method in PREDICTING for given in query.inputs[:1]]
    names = tuple(dict.fromkeys((*inputs, *fit.inputs[:1])))
    cell, path = statement.cell.number, statement.parsed.notebook
    return ModelCandidate(fit.name, str(statement.owner), cell, fit.line, names, path)


def _fits(statement: Statement) -> list[Fit]:
    """Return fits of names; `model = Pipeline(…).fit(X, y)` fits the name that it binds."""
    names = sorted(statement.facts.binds)
    found = []
    for fit in statement.facts.fits:
        if fit.name and "@" not in fit.name:
            found.append(fit)
        elif not fit.name and fit.method == "fit" and len(names) == 1:
            found.append(fit._replace(name=names[0]))
    return found
