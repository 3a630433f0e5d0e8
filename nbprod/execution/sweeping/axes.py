"""What a sweep tries of a parameter: values, ranges of them, intervals to draw from; and back to text."""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import PlanError
from nbprod.core.sweep import Axis, Choices, Interval
from nbprod.execution import overrides
from nbprod.execution.recorder import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbprod.core.pipeline import Parameter, Pipeline

MOST_TRIALS = 1000
OPENING, CLOSING, QUOTES = "([{", ")]}", "'\""
NUMBER = r"[+-]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
RANGE = re.compile(rf"({NUMBER}):({NUMBER})(?::({NUMBER}))?")
INTERVAL = re.compile(rf"({NUMBER})\.\.({NUMBER})(:log)?")
BARE = re.compile(r"\w(?:[\w .:/+-]*\w)?")
"""Texts that stand in a list without quotes."""

SPELLINGS = "1,2,3 · 2:10:2 (with its end) · 0.001..0.1 · 0.001..0.1:log"


def alternatives(text: str) -> list[str]:
    """Return the values that a text lists, split at commas outside brackets and quotes."""
    found, depth, quote, escaped = [""], 0, "", False
    for sign in text:
        if quote:
            quote = "" if sign == quote and not escaped else quote
            escaped = sign == "\\" and not escaped
        elif sign in QUOTES and not found[-1][-1:].isalnum():  # an apostrophe is none
            quote = sign
        depth += (sign in OPENING) - (sign in CLOSING) if not quote else 0
        if sign == "," and depth <= 0 and not quote:
            found.append("")
        else:
            found[-1] += sign
    return [value.strip() for value in found]


def axes(pipeline: Pipeline, space: Mapping[str, str | Sequence[Any]]) -> dict[str, Axis]:
    """Return what is tried of each parameter, values of the parameter's type.

    Parameters
    ----------
    pipeline
        Has the parameters.
    space
        For each of them a text, or values and texts: `1,2,3`, `2:10:2`, `0.001..0.1`, `0.001..0.1:log`. Only of a
        parameter that is a number, or of no known type, are the last three more than text.

    Raises
    ------
    PlanError
        A name is no parameter, a value is not of its type, or nothing can be tried.
    """
    known = {parameter.name: parameter for parameter in pipeline.parameters}
    found = {}
    for name, given in space.items():
        items = alternatives(given) if isinstance(given, str) else list(given)
        if not items:
            hint = f"nbprod sweep {pipeline.files} -p NAME=1,2,3 --metric NAME"
            raise PlanError("NB408", f"a sweep needs values for {name}", hint)
        found[name] = _Reader(pipeline, name, known.get(name)).axis(items)
    return found


def text_of(axis: Axis, kind: str) -> str:
    """Return the text that `axes` reads as this axis, for a parameter of the type `kind`."""
    if isinstance(axis, Interval):
        low, high = (format(int(end), "d") if axis.whole else repr(end) for end in (axis.low, axis.high))
        return f"{low}..{high}{':log' if axis.log else ''}"
    return ",".join(_spelled(value, kind) for value in axis.values)


def of_record(axis: Axis, value: Any) -> Any:
    """Return the value, of the parameter's type, that is on record as this JSON value."""
    if isinstance(axis, Interval):
        return value
    found = (item for item in axis.values if (shown := plain(item)) == value and type(shown) is type(value))
    return next(found, value)


class _Reader:
    """Reads what is tried of one parameter."""

    def __init__(self, pipeline: Pipeline, name: str, parameter: Parameter | None) -> None:
        self.pipeline = pipeline
        self.name = name
        self.kind = parameter.type if parameter else ""
        self.ranged = self.kind in overrides.NUMBERS or not overrides.known(self.kind)

    def axis(self, items: Sequence[Any]) -> Axis:
        intervals = [item for item in items if self._matches(INTERVAL, item)]
        if intervals and len(items) > 1:
            raise self._wrong(f"the interval {intervals[0]} cannot be one of several values")
        if intervals:
            return self._interval(intervals[0])
        return Choices(tuple(_distinct(value for item in items for value in self._values(item))))

    def _matches(self, pattern: re.Pattern[str], item: Any) -> re.Match[str] | None:
        return pattern.fullmatch(item) if self.ranged and isinstance(item, str) else None

    def _values(self, item: Any) -> Iterable[Any]:
        found = self._matches(RANGE, item)
        if found is None:
            yield self._typed(_unquoted(item) if self.kind == "str" else item)
            return
        start, stop = Decimal(found[1]), Decimal(found[2])
        step = self._step(found, start, stop)
        count = (stop - start) // step + 1
        if count < 1:
            raise self._wrong(f"{item} holds no value: from {found[1]} steps of {step} do not lead to {found[2]}")
        if count > MOST_TRIALS:
            raise PlanError("NB408", f"{count:,} values of {self.name} are more than a sweep tries", None)
        for at in range(int(count)):
            yield self._typed(_written(start + at * step))

    def _step(self, found: re.Match[str], start: Decimal, stop: Decimal) -> Decimal:
        if found[3] is None and not (start == start.to_integral() and stop == stop.to_integral()):
            raise self._wrong(f"{found[0]} has no step", f"{found[0]}:0.1, or {found[1]}..{found[2]} to draw from")
        step = Decimal(found[3] or 1)
        if step == 0:
            raise self._wrong(f"{found[0]} has a step of nothing")
        return step

    def _interval(self, item: str) -> Interval:
        found = self._matches(INTERVAL, item)
        assert found is not None
        low, high = (self._typed(_written(Decimal(end))) for end in found.group(1, 2))
        whole = isinstance(low, int) and isinstance(high, int)
        if low >= high:
            raise self._wrong(f"{item} holds nothing: {found[1]} is not below {found[2]}")
        if found[3] and low <= 0:
            raise self._wrong(f"{item} begins at {found[1]}, which has no logarithm", "begin above 0")
        return Interval(low, high, bool(found[3]), whole)

    def _typed(self, value: Any) -> Any:
        return overrides.parameters(self.pipeline, {self.name: value})[self.name]

    def _wrong(self, text: str, hint: str | None = None) -> PlanError:
        return PlanError("NB409", f"{self.name}: {text}", hint or f"values are written {SPELLINGS}")


def _written(number: Decimal) -> str:
    return format(int(number), "d") if number == number.to_integral() else format(number, "f")


def _spelled(value: Any, kind: str) -> str:
    if isinstance(value, str):
        return value if kind == "str" and BARE.fullmatch(value) else repr(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return repr(value) if isinstance(value, float) else overrides.source(value)


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(type(value) is type(other) and value == other for other in found):
            found.append(value)
    return found


def _unquoted(value: Any) -> Any:
    """Return the text in quotes, which a list of values may need around a comma."""
    if isinstance(value, str) and len(value) > 1 and value[0] in QUOTES and value[-1] == value[0]:
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return value
    return value
