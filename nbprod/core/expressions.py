"""The one small grammar of conditions, as in gates and rules: `accuracy >= 0.9 and loss < champion.loss * 1.01`.

Names, numbers, `+ - * /`, comparisons (also chained), `and`, `or`, `not`, parentheses. Nothing is ever evaluated as
Python. A comparison with an absent champion holds: there is nobody to beat yet.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbprod.core.errors import UsageError
from nbprod.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d][\w.]*)"
    r"|(?P<operator><=|>=|==|!=|[-+*/()<>]))"
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
_MOST_TOKENS = 200


class _AbsentError(Exception):
    """A value the condition names is not there."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a condition holds, and the values it saw, such as `accuracy = 0.914`."""

    held: bool
    detail: str


def judge(text: str, values: Mapping[str, float]) -> Judgement:
    """Return whether a condition holds for `values`; one that names an unknown value does not.

    Raises
    ------
    UsageError
        The text is no condition.
    """
    parser = _Parser(text, values)
    held = parser.condition()
    parser.end()
    return Judgement(held and not parser.unknown, parser.detail())


def check(text: str) -> None:
    """Raise `UsageError` unless the text is a condition."""
    judge(text, {})


class _Parser:
    """Recursive descent that evaluates as it reads; both sides of `and` and `or` are always read."""

    def __init__(self, text: str, values: Mapping[str, float]) -> None:
        self.text = text
        self.values = values
        self.tokens = self._split()
        self.at = 0
        self.seen: dict[str, float] = {}
        self.unknown: list[str] = []
        self.absent: list[str] = []

    def condition(self) -> bool:
        held = self._conjunction()
        while self._take("or"):
            other = self._conjunction()
            held = held or other
        return held

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise self._wrong()

    def detail(self) -> str:
        parts = [f"{name} = {value:.6g}" for name, value in self.seen.items()]
        parts += [f"no metric {name}" for name in self.unknown]
        parts += [f"{name} is absent" for name in self.absent]
        return ", ".join(parts)

    def _conjunction(self) -> bool:
        held = self._negation()
        while self._take("and"):
            other = self._negation()
            held = held and other
        return held

    def _negation(self) -> bool:
        if self._take("not"):
            return not self._negation()
        start = self.at
        if self._take("("):  # a condition in parentheses, unless an operator follows: then it was a number
            try:
                held = self.condition()
                if self._take(")") and self._peek() in ("", "and", "or", ")"):
                    return held
            except UsageError:
                pass
            self.at = start
        return self._comparison()

    def _comparison(self) -> bool:
        held = True
        left = self._optional_sum()
        if self._peek() not in _COMPARE:
            raise self._wrong()
        while self._peek() in _COMPARE:
            operator = self._next()
            right = self._optional_sum()
            if left is not None and right is not None:
                held = held and _COMPARE[operator](left, right)
            left = right
        return held

    def _optional_sum(self) -> float | None:
        """Return the value of a sum, None when it names what is absent; all of it is read in either case."""
        missing = len(self.unknown) + len(self.absent)
        value = self._sum()
        return value if len(self.unknown) + len(self.absent) == missing else None

    def _sum(self) -> float:
        value = self._product()
        while self._peek() in ("+", "-"):
            value = value + self._product() if self._next() == "+" else value - self._product()
        return value

    def _product(self) -> float:
        value = self._atom()
        while self._peek() in ("*", "/"):
            if self._next() == "*":
                value *= self._atom()
            else:
                divisor = self._atom()
                value = value / divisor if divisor else float("nan")
        return value

    def _atom(self) -> float:
        if self._take("-"):
            return -self._atom()
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise self._wrong()
            return value
        token = self._next()
        if token[:1].isdigit() or token[:1] == ".":
            return float(token)
        if token in ("and", "or", "not") or not (token[:1].isalpha() or token[:1] == "_"):
            raise self._wrong()
        return self._named(token)

    def _named(self, name: str) -> float:
        if name in self.values:
            self.seen[name] = float(self.values[name])
            return self.seen[name]
        (self.absent if name.startswith("champion.") or name == "champion" else self.unknown).append(name)
        return 0.0

    def _split(self) -> list[str]:
        found: list[str] = []
        at = 0
        text = self.text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or len(found) > _MOST_TOKENS:
                raise self._wrong()
            found.append(match.group(match.lastgroup or 0))
            at = match.end()
        return found

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise self._wrong()
        self.at += 1
        return token

    def _take(self, token: str) -> bool:
        if self._peek() == token:
            self.at += 1
            return True
        return False

    def _wrong(self) -> UsageError:
        hint = "names of metrics, numbers, + - * /, < <= > >= == !=, and, or, not, parentheses"
        return UsageError("NB905", f"{self.text!r} is no condition such as accuracy >= 0.9", hint)
