"""Small plots as inline SVG: a metric against one parameter each, axes labelled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from nbprod.core import words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT = 270, 190
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 26, 40
WIDE = 20
"""From the smallest to the largest value; beyond, an axis is logarithmic."""

APART = 34
"""Pixels between two labels of an axis."""


@dataclass(frozen=True, slots=True)
class Point:
    """A trial: the parameter's value, the metric, and what it is called."""

    x: Any
    y: float
    name: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values stand, and those that are labelled."""

    place: Callable[[Any], float]
    labels: Sequence[tuple[float, str]]
    title: str


def plot(
    axis: tuple[str, Sequence[Any]],
    metric: str,
    points: Sequence[Point],
    best: Point | None,
    record: Sequence[tuple[Any, float]] = (),
) -> str:
    """Return the trials of a sweep against one parameter as SVG; `best` is told apart.

    Parameters
    ----------
    axis
        The parameter and all its values, those that are still to be tried among them.
    metric, points, best
        What is shown of the trials that have a value.
    record
        Where the best so far went to a new value, drawn as steps; the axis counts trials then.
    """
    parameter, values = axis
    across = _across(parameter, values, wide=not record)
    up = _up([point.y for point in points])
    told = f"; best {words.number(best.y)} at {parameter} {best.x}" if best else ""
    label = escape(f"{metric} against {parameter}, {len(points)} trials{told}")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" style="font-family:{words.FONT};font-size:11px;margin:0 10px 6px 0">'
    )
    parts = [_titles(across.title, metric), _grid(across, up)]
    if record:
        parts.append(_steps([(across.place(x), up.place(y)) for x, y in record], across.place(values[-1])))
    parts += [_dot(across.place(point.x), up.place(point.y), point, BRAND_DOT) for point in points if point is not best]
    if best is not None:
        x, y = across.place(best.x), up.place(best.y)
        parts += [_dot(x, y, best, BEST_DOT), _text(WIDTH - RIGHT, 13, f"best {words.number(best.y)}", "end", 600)]
    return "\n".join([head, *parts, "</svg>"])


BRAND_DOT = f'r="3.5" style="fill:{words.BRAND};fill-opacity:0.7"'
BEST_DOT = f'r="5" style="fill:{words.GOOD};stroke:{words.INK};stroke-width:1.5"'


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return at most so many round numbers, and one more, from `low` to `high`."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{at * step:.12g}") for at in range(first, last + 1)]


def _across(parameter: str, values: Sequence[Any], *, wide: bool) -> Axis:
    """Return the axis of a parameter: by number, by its logarithm if `wide` may be, or a place for each value."""
    distinct = list(dict.fromkeys(map(_key, values)))
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    left, right = LEFT + 12, WIDTH - RIGHT - 12
    if not numeric or len(distinct) == 1:
        shown = sorted(distinct) if numeric else distinct
        gap = (right - left) / max(1, len(shown) - 1) if len(shown) > 1 else 0
        at = {value: left + gap * place if gap else (left + right) / 2 for place, value in enumerate(shown)}
        labels = [(at[value], words.clip(words.number(value), 10)) for value in shown]
        return Axis(lambda value: at[_key(value)], _spaced(labels), parameter)
    low, high = min(values), max(values)
    scale = math.log10 if wide and low > 0 and high / low >= WIDE else float
    start, span = scale(low), scale(high) - scale(low)

    def place(value: Any) -> float:
        return left + (right - left) * (scale(value) - start) / span

    few = sorted(distinct) if len(distinct) <= 6 else (ticks if scale is float else _decades)(low, high)
    labels = [(place(value), words.number(value)) for value in few]
    return Axis(place, _spaced(labels), parameter if scale is float else f"{parameter} (log)")


def _decades(low: float, high: float) -> list[float]:
    """Return the powers of ten from `low` to `high`, twice and five times them where those are few."""
    powers = [float(f"1e{power}") for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    factors = (1,) if high / low >= 100 else (1, 2, 5)
    return [value for power in powers for factor in factors if low <= (value := power * factor) <= high]


def _up(values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    pad = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
    low, high = low - pad, high + pad

    def place(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low)

    return Axis(place, [(place(value), words.number(value)) for value in ticks(low, high)], "")


def _key(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _spaced(labels: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return the labels that have room."""
    kept: list[tuple[float, str]] = []
    for x, text in labels:
        if not kept or x - kept[-1][0] >= max(APART, 3.5 * (len(text) + len(kept[-1][1])) + 6):
            kept.append((x, text))
    return kept


def _grid(across: Axis, up: Axis) -> str:
    rule = f"stroke:{words.RULE};stroke-width:1"
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<line x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}" style="{rule}"/>']
    for y, text in up.labels:
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" style="{rule};stroke-opacity:0.35"/>')
        parts.append(_text(LEFT - 6, y + 4, text, "end"))
    parts.append("\n")
    for x, text in across.labels:
        parts.append(f'<line x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 4}" style="{rule}"/>')
        parts.append(_text(x, bottom + 16, text, "middle"))
    return " ".join(parts)


def _titles(parameter: str, metric: str) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    left = _text(6, 13, words.clip(metric, 24), "start", 600)
    return f"{left} {_text(middle, HEIGHT - 6, words.clip(parameter, 34), 'middle', 600)}"


def _dot(x: float, y: float, point: Point, look: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" {look}><title>{escape(point.name)}</title></circle>'


def _steps(corners: Sequence[tuple[float, float]], end: float) -> str:
    """Return a line that keeps its height until the next corner."""
    (x, y), *rest = corners
    path = f"M{x:.1f} {y:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in rest) + f"H{end:.1f}"
    return f'<path d="{path}" style="fill:none;stroke:{words.GOOD};stroke-width:1.5;stroke-opacity:0.8"/>'


def _text(x: float, y: float, text: str, side: str, weight: int = 400) -> str:
    style = f"fill:{words.INK};text-anchor:{side};font-weight:{weight}"
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{style}">{escape(text)}</text>'
