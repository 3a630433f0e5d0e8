"""Where boxes and lines go when a pipeline is drawn: top to bottom, straight where possible, no line through a box.

Stages stand in rows by their longest path from the first ones. A line that passes rows without an end there runs
through a lane beside their boxes; all such lines of one stage share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbprod.core.pipeline import Pipeline

    Node = tuple[str, int]
    """A stage and -1, or a stage and the row its lane passes."""

    Point = tuple[float, float]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f")
"""The colours of stages by their place in the pipeline, told apart in light, dark and by the colour-blind."""

SWEEPS = 4
HEAVY = 1e6
"""How much more a box insists on its place, and is looked at, than a lane."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of boxes, of the space between them, and of the margin around all."""

    width: int
    height: int
    gap_x: int = 24
    gap_y: int = 38
    margin: int = 10
    lane: int = 14


@dataclass(frozen=True, slots=True)
class Box:
    """A stage's box, by its upper left corner."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """What crosses from one stage to another: from the bottom of the one, through lanes, to the top of the other."""

    source: str
    target: str
    names: tuple[str, ...]
    points: tuple[Point, ...]

    @property
    def path(self) -> str:
        """The line as an SVG path: bent between rows, straight within a lane."""
        (x, y), *rest = self.points
        parts = [f"M{x:g},{y:g}"]
        for bent, (x2, y2) in enumerate(rest):
            middle = (y + y2) / 2
            parts.append(f"V{y2:g}" if bent % 2 else f"C{x:g},{middle:g} {x2:g},{middle:g} {x2:g},{y2:g}")
            x, y = x2, y2
        return " ".join(parts)

    @property
    def lane(self) -> Point | None:
        """Where it enters the last lane on its way; None for a line between neighbouring rows."""
        return self.points[-3] if len(self.points) > 2 else None

    @property
    def middle(self) -> Point:
        """Halfway of its last bend."""
        (x1, y1), (x2, y2) = self.points[-2:]
        return (x1 + x2) / 2, (y1 + y2) / 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """A pipeline laid out."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(pipeline: Pipeline, sizes: Sizes) -> Drawing:
    """Lay a pipeline out; the same pipeline always gives the same drawing."""
    crossing = _crossing(pipeline)
    ranks = _ranks([stage.name for stage in pipeline.stages], crossing)
    rows, links = _rows(ranks, crossing)
    _order(rows, links)
    centres = _centres(rows, links, sizes)
    left = min((centre - sizes.width / 2 for (_, at), centre in centres.items() if at < 0), default=0.0)
    left = min([left, *centres.values()])
    centres = {node: round(centre - left) + sizes.margin for node, centre in centres.items()}
    boxes = tuple(Box(name, centres[name, -1] - sizes.width / 2, _top(rank, sizes)) for name, rank in ranks.items())
    lines = tuple(
        Line(source, target, names, _points(source, target, ranks, centres, sizes))
        for (source, target), names in crossing.items()
    )
    right = max([box.x + sizes.width for box in boxes] + [*centres.values()], default=0.0)
    bottom = max((box.y + sizes.height for box in boxes), default=0.0)
    return Drawing(right + sizes.margin, bottom + sizes.margin, boxes, lines)


def _crossing(pipeline: Pipeline) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the names that cross between each pair of stages."""
    known = {stage.name for stage in pipeline.stages}
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for edge in pipeline.edges:
        if edge.source in known and edge.target in known and edge.source != edge.target:
            before = found.get((edge.source, edge.target), ())
            found[edge.source, edge.target] = tuple(dict.fromkeys([*before, *edge.names]))
    return found


def _ranks(names: Sequence[str], crossing: Iterable[tuple[str, str]]) -> dict[str, int]:
    above: dict[str, list[str]] = {name: [] for name in names}
    for source, target in crossing:
        above[target].append(source)
    ranks: dict[str, int] = {}
    for name in names:  # an edge of a cycle comes from below and counts for nothing
        ranks[name] = max((ranks[source] + 1 for source in above[name] if source in ranks), default=0)
    return ranks


def _rows(
    ranks: Mapping[str, int], crossing: Iterable[tuple[str, str]]
) -> tuple[list[list[Node]], list[tuple[Node, Node]]]:
    """Return the nodes of each row, boxes first, and which hang together in neighbouring rows."""
    rows: list[list[Node]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for name, rank in ranks.items():
        rows[rank].append((name, -1))
    links: dict[tuple[Node, Node], None] = {}
    lanes: set[Node] = set()
    for source, target in crossing:
        above: Node = (source, -1)
        for rank in range(ranks[source] + 1, ranks[target]):
            lane = (source, rank)
            if lane not in lanes:
                lanes.add(lane)
                rows[rank].append(lane)
            links[above, lane] = None
            above = lane
        if ranks[source] < ranks[target]:
            links[above, (target, -1)] = None
    return rows, list(links)


def _neighbours(links: Iterable[tuple[Node, Node]]) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    above: dict[Node, list[Node]] = {}
    below: dict[Node, list[Node]] = {}
    for upper, lower in links:
        below.setdefault(upper, []).append(lower)
        above.setdefault(lower, []).append(upper)
    return above, below


def _order(rows: list[list[Node]], links: Sequence[tuple[Node, Node]]) -> None:
    """Sort each row by where what its nodes hang on stands, so that few lines cross."""
    above, below = _neighbours(links)
    for sweep in range(SWEEPS):
        near, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        places = {node: (at + 0.5) / len(row) for row in rows for at, node in enumerate(row)}
        for row in order:
            wanted = {node: _mean([places[other] for other in near.get(node, ())], places[node]) for node in row}
            row.sort(key=wanted.__getitem__)
            places.update((node, (at + 0.5) / len(row)) for at, node in enumerate(row))


def _centres(rows: Sequence[list[Node]], links: Sequence[tuple[Node, Node]], sizes: Sizes) -> dict[Node, float]:
    """Return where the middle of each node is: as near to what it hangs on as its row allows."""
    above, below = _neighbours(links)
    centres: dict[Node, float] = {}
    for row in rows:
        centres.update(_settle(row, dict.fromkeys(row, 0.0), sizes))
    for sweep in range(2 * SWEEPS):
        near, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for row in order:
            wanted = {node: _pull(node, near.get(node, ()), centres) for node in row}
            centres.update(_settle(row, wanted, sizes))
    return centres


def _pull(node: Node, others: Sequence[Node], centres: Mapping[Node, float]) -> float:
    """Return where a node would like to be: boxes below boxes, lanes below lanes."""
    weights = [HEAVY if (other[1] < 0) == (node[1] < 0) else 1.0 for other in others]
    if not others:
        return centres[node]
    return sum(weight * centres[other] for weight, other in zip(weights, others, strict=True)) / sum(weights)


def _settle(row: Sequence[Node], wanted: Mapping[Node, float], sizes: Sizes) -> dict[Node, float]:
    """Return the places nearest to those wanted that leave order and distances: isotonic regression."""
    offsets = [0.0]
    for left, right in pairwise(row):
        half = (sizes.width / 2 if left[1] < 0 else 0) + (sizes.width / 2 if right[1] < 0 else 0)
        both = left[1] < 0 and right[1] < 0
        offsets.append(offsets[-1] + half + (sizes.gap_x if both else sizes.lane))
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    for node, offset in zip(row, offsets, strict=True):
        block = (wanted[node] - offset, HEAVY if node[1] < 0 else 1.0, 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, weight, count = blocks.pop()
            total = weight + block[1]
            block = ((mean * weight + block[0] * block[1]) / total, total, count + block[2])
        blocks.append(block)
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return {node: mean + offset for node, mean, offset in zip(row, means, offsets, strict=True)}


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _top(rank: int, sizes: Sizes) -> float:
    return sizes.margin + rank * (sizes.height + sizes.gap_y)


def _points(
    source: str, target: str, ranks: Mapping[str, int], centres: Mapping[Node, float], sizes: Sizes
) -> tuple[Point, ...]:
    points: list[Point] = [(centres[source, -1], _top(ranks[source], sizes) + sizes.height)]
    for rank in range(ranks[source] + 1, ranks[target]):
        x, top = centres[source, rank], _top(rank, sizes)
        points += [(x, top), (x, top + sizes.height)]
    return (*points, (centres[target, -1], _top(ranks[target], sizes)))
