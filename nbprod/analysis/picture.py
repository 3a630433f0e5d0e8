"""The pipeline as a picture: inline SVG, readable in light and dark, no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprod.core.pipeline import Pipeline

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f")
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 150, 34, 24, 38, 10
NAMES_SHOWN = 4


def to_svg(pipeline: Pipeline) -> str:
    """Return one box a stage, rows by longest path from the first stages, edges labelled with the names that cross."""
    places = _places(pipeline)
    columns = max((x for x, _ in places.values()), default=0) + 1
    rows = max((y for _, y in places.values()), default=0) + 1
    wide = 2 * MARGIN + columns * (WIDTH + GAP_X) - GAP_X
    high = 2 * MARGIN + rows * (HEIGHT + GAP_Y) - GAP_Y
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"'
    parts = [f'{head} role="img" aria-label="pipeline" font-family="sans-serif" font-size="13">']
    parts += _edges(pipeline, places)
    for number, stage in enumerate(pipeline.stages):
        parts.append(_box(stage.name, places[stage.name], COLOURS[number % len(COLOURS)]))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(pipeline: Pipeline) -> dict[str, tuple[int, int]]:
    """Return column and row of each stage."""
    row: dict[str, int] = {}
    for stage in pipeline.stages:
        above = [row[edge.source] for edge in pipeline.edges if edge.target == stage.name and edge.source in row]
        row[stage.name] = max(above, default=-1) + 1
    taken: dict[int, int] = {}
    places = {}
    for name, level in row.items():
        places[name] = (taken.get(level, 0), level)
        taken[level] = taken.get(level, 0) + 1
    return places


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return MARGIN + place[0] * (WIDTH + GAP_X), MARGIN + place[1] * (HEIGHT + GAP_Y)


def _box(name: str, place: tuple[int, int], colour: str) -> str:
    x, y = _corner(place)
    shown = escape(name if len(name) <= 18 else f"{name[:17]}…")
    return (
        f'<g><title>{escape(name)}</title><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5" '
        f'fill="{colour}" fill-opacity="0.12" stroke="{colour}" stroke-width="1.5"/>'
        f'<text x="{x + WIDTH / 2:.0f}" y="{y + 22}" text-anchor="middle" fill="currentColor">{shown}</text></g>'
    )


def _edges(pipeline: Pipeline, places: dict[str, tuple[int, int]]) -> list[str]:
    parts = []
    for edge in pipeline.edges:
        (x1, y1), (x2, y2) = _corner(places[edge.source]), _corner(places[edge.target])
        start, end = (x1 + WIDTH // 2, y1 + HEIGHT), (x2 + WIDTH // 2, y2)
        bend = (start[1] + end[1]) // 2
        more = " …" if len(edge.names) > NAMES_SHOWN else ""
        label = escape(", ".join(edge.names[:NAMES_SHOWN]) + more)
        parts.append(
            f'<g><title>{escape(", ".join(edge.names))}</title><path d="M{start[0]},{start[1]} C{start[0]},{bend} '
            f'{end[0]},{bend} {end[0]},{end[1]}" fill="none" stroke="currentColor" stroke-opacity="0.45"/>'
            f'<text x="{(start[0] + end[0]) // 2 + 6}" y="{bend + 4}" font-size="11" fill="currentColor" '
            f'fill-opacity="0.7">{label}</text></g>'
        )
    return parts
