"""Parameters: from `-p NAME=VALUE` to a value of the parameter's type, and back to source."""

from __future__ import annotations

import ast
import datetime
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import PlanError, Where

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.core.pipeline import Parameter, Pipeline

NUMBERS = ("int", "float")
_WORDS = {"true": True, "false": False, "null": None, "none": None}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "bool": bool,
    "str": str,
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "set": (set, frozenset),
    "bytes": bytes,
}


class _WrongTypeError(ValueError):
    """A text that is no value of the parameter's type."""


def parameters(pipeline: Pipeline, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return overrides as values of the parameters' own types.

    A text is a Python literal, for a `str` parameter the raw text; `true`, `false`, `null` and ISO dates are
    understood. Values that are no text are only checked.

    Raises
    ------
    PlanError
        A name is no parameter, or a value is not of its type; the hint lists all of them.
    """
    known = {parameter.name: parameter for parameter in pipeline.parameters}
    return {name: _value(known, pipeline, name, given) for name, given in texts.items()}


def known(kind: str) -> bool:
    """Whether values of a parameter of this type are checked; else any value will do."""
    return kind in _READERS


def source(value: Any) -> str:
    """Return Python source that makes an equal value, whatever is imported where it runs."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, datetime.date | datetime.time):
        return repr(value).replace("datetime.", "__import__('datetime').")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{source(key)}: {source(item)}" for key, item in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(source, value)) + "]"
    if type(value) is tuple:
        return "(" + "".join(source(item) + ", " for item in value) + ")"
    return repr(value)


def canonical(text: str) -> str:
    """Return one spelling for all sources of the same literal; other source in normalised layout."""
    try:
        return source(ast.literal_eval(text))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    try:
        return ast.unparse(ast.parse(text.strip(), mode="eval"))
    except (SyntaxError, ValueError):
        return text.strip()


def effective(pipeline: Pipeline, overrides: Mapping[str, Any]) -> dict[str, str]:
    """Return the source of every parameter's value in a run with these overrides."""
    found = {item.name: canonical(item.default_source) for item in pipeline.parameters}
    return {**found, **{name: source(value) for name, value in overrides.items()}}


def derived_notes(pipeline: Pipeline, overrides: Mapping[str, Any]) -> list[str]:
    """Return a note for each overridden name from which the parameters cell derives others (papermill's semantics)."""
    notes = []
    for parameter in pipeline.parameters:
        from_it = sorted(_names(parameter.default_source) & set(overrides))
        if from_it and parameter.name not in overrides:
            text = f"{parameter.name} keeps the value the parameters cell derives from the default of {from_it[0]}"
            notes.append(f"{text}; derive it in a later cell, or set it too: -p {parameter.name}=…")
    return notes


def _names(text: str) -> set[str]:
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _value(known: Mapping[str, Parameter], pipeline: Pipeline, name: str, given: Any) -> Any:
    parameter = known.get(name)
    if parameter is None:
        import difflib

        near = difflib.get_close_matches(name, known, 1)
        guess = f"; did you mean {near[0]}" if near else ""
        raise PlanError("NB401", f"{pipeline.notebook} has no parameter {name}{guess}", _listing(pipeline))
    try:
        return _typed(parameter, given)
    except _WrongTypeError:
        text = f"parameter {name} is {_article(parameter.type)}, and {given!r} is not"
        where = Where(pipeline.notebook, parameter.cell or None, None, parameter.line or None)
        raise PlanError("NB402", text, _listing(pipeline), where) from None


def _listing(pipeline: Pipeline) -> str:
    if not pipeline.parameters:
        return "it has no parameters: tag a cell parameters to give it some"
    each = (f"{item.name}: {item.type} = {item.default_source}" for item in pipeline.parameters)
    return "parameters: " + ", ".join(each)


def _article(kind: str) -> str:
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}"


def _typed(parameter: Parameter, given: Any) -> Any:
    if given is None or (isinstance(given, str) and parameter.optional and given.lower() in ("null", "none")):
        if parameter.optional or parameter.type not in _READERS:
            return None
        raise _WrongTypeError
    return _READERS.get(parameter.type, _anything)(given)


def _literal(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if given.strip().lower() in _WORDS:
        return _WORDS[given.strip().lower()]
    try:
        return ast.literal_eval(given.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _WrongTypeError from None


def _reader(kind: str) -> Callable[[Any], Any]:
    def read(given: Any) -> Any:
        value = _literal(given)
        wanted = _TYPES[kind]
        if not isinstance(value, wanted) or (kind != "bool" and isinstance(value, bool)):
            raise _WrongTypeError
        return value

    return read


def _float(given: Any) -> float:
    if isinstance(given, str):
        try:
            return float(given)  # also nan, inf and 1_000.5
        except ValueError:
            raise _WrongTypeError from None
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    raise _WrongTypeError


def _text(given: Any) -> str:
    if isinstance(given, str):
        return given
    raise _WrongTypeError


def _date(given: Any) -> datetime.date:
    if isinstance(given, datetime.date) and not isinstance(given, datetime.datetime):
        return given
    try:
        return datetime.date.fromisoformat(str(given).strip())
    except ValueError:
        raise _WrongTypeError from None


def _datetime(given: Any) -> datetime.datetime:
    if isinstance(given, datetime.datetime):
        return given
    try:
        return datetime.datetime.fromisoformat(str(given).strip())
    except ValueError:
        raise _WrongTypeError from None


def _anything(given: Any) -> Any:
    try:
        return _literal(given)
    except _WrongTypeError:
        return given


_READERS: dict[str, Callable[[Any], Any]] = {
    **{kind: _reader(kind) for kind in _TYPES},
    "float": _float,
    "str": _text,
    "date": _date,
    "datetime": _datetime,
}
