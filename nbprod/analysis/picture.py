"""The pipeline as a picture: inline SVG, readable in light and dark, no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nbprod.core.drawing import COLOURS, Sizes, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.core.drawing import Box, Line
    from nbprod.core.pipeline import Pipeline

SIZES = Sizes(width=150, height=34)
NAMES_SHOWN = 4
LETTER = 6.5


def to_svg(pipeline: Pipeline) -> str:
    """Return one box a stage, rows by longest path from the first stages, edges labelled with the names that cross."""
    drawing = draw(pipeline, SIZES)
    labels = _labels(drawing.lines)
    wide = max([drawing.width, *(x + LETTER * len(text) for x, _, text in labels)])
    size = f'width="{wide:g}" height="{drawing.height:g}" viewBox="0 0 {wide:g} {drawing.height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="pipeline"'
    parts = [f'{head} font-family="sans-serif" font-size="13">']
    parts += map(_line, drawing.lines, labels)
    parts += [_box(box, COLOURS[number % len(COLOURS)]) for number, box in enumerate(drawing.boxes)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _labels(lines: Sequence[Line]) -> list[tuple[float, float, str]]:
    """Return place and text of each line's label: at its bend, or in its lane below those of other lanes there."""
    taken: dict[float, int] = {}
    labels = []
    for line in lines:
        text = ", ".join(line.names[:NAMES_SHOWN]) + (" …" if len(line.names) > NAMES_SHOWN else "")
        if line.lane is None:
            labels.append((line.middle[0] + 6, line.middle[1] + 4, text))
            continue
        x, y = line.lane
        labels.append((x + 5, y + 9 + 11 * taken.get(y, 0), text))
        taken[y] = taken.get(y, 0) + 1
    return labels


def _box(box: Box, colour: str) -> str:
    shown = escape(box.name if len(box.name) <= 18 else f"{box.name[:17]}…")
    return (
        f'<g><title>{escape(box.name)}</title><rect x="{box.x:g}" y="{box.y:g}" width="{SIZES.width}" '
        f'height="{SIZES.height}" rx="5" fill="{colour}" fill-opacity="0.12" stroke="{colour}" stroke-width="1.5"/>'
        f'<text x="{box.x + SIZES.width / 2:g}" y="{box.y + 22:g}" text-anchor="middle" fill="currentColor">'
        f"{shown}</text></g>"
    )


def _line(line: Line, label: tuple[float, float, str]) -> str:
    x, y, text = label
    return (
        f'<g><title>{escape(", ".join(line.names))}</title><path d="{line.path}" fill="none" stroke="currentColor" '
        f'stroke-opacity="0.45"/><text x="{x:g}" y="{y:g}" font-size="11" fill="currentColor" '
        f'fill-opacity="0.7">{escape(text)}</text></g>'
    )
