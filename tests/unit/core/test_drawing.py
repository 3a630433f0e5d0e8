"""Where boxes and lines of a drawn pipeline go."""

from __future__ import annotations

import pytest

from nbprod.analysis.picture import to_svg
from nbprod.core.drawing import Sizes, draw
from nbprod.core.pipeline import Edge, Pipeline, Stage

SIZES = Sizes(width=100, height=30)
CHAIN = ["load", "split", "train", "evaluate"]
SHAPES = {
    "nothing": ([], []),
    "one": (["load"], []),
    "chain": (CHAIN, [("load", "split"), ("split", "train"), ("train", "evaluate"), ("split", "evaluate")]),
    "diamond": (list("abcdefg"), ["ab", "ac", "ad", "be", "ce", "df", "eg", "fg", "ag", "cg"]),
    "cycle": (["a", "b", "c"], ["ab", "bc", "ca"]),
    "wide": ([str(n) for n in range(12)], [("0", str(n)) for n in range(1, 12)]),
    "far": ([str(n) for n in range(60)], [(str(n), str(m)) for n in range(60) for m in range(n + 1, 60)]),
}


def pipeline(shape: str) -> Pipeline:
    names, pairs = SHAPES[shape]
    stages = tuple(Stage(name, (number,), ()) for number, name in enumerate(names, 1))
    edges = tuple(Edge(pair[0], pair[1], (f"{pair[0]}_{pair[1]}",)) for pair in pairs)
    return Pipeline("work.ipynb", stages, edges, (), (), ())


@pytest.mark.parametrize("shape", SHAPES)
def test_boxes_stand_apart_within_the_drawing(shape):
    drawing = draw(pipeline(shape), SIZES)
    assert [box.name for box in drawing.boxes] == SHAPES[shape][0]
    for box in drawing.boxes:
        assert SIZES.margin <= box.x <= drawing.width - SIZES.margin - SIZES.width
        assert SIZES.margin <= box.y <= drawing.height - SIZES.margin - SIZES.height
        for other in drawing.boxes:
            apart = abs(box.x - other.x) >= SIZES.width or abs(box.y - other.y) >= SIZES.height
            assert apart or other is box, (box, other)
    assert draw(pipeline(shape), SIZES) == drawing


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "cycle"])
def test_no_line_runs_through_a_box(shape):
    drawing = draw(pipeline(shape), SIZES)
    boxes = {box.name: box for box in drawing.boxes}
    assert len(drawing.lines) == len(SHAPES[shape][1])
    for line in drawing.lines:
        source, target = boxes[line.source], boxes[line.target]
        assert line.points[0] == (source.x + SIZES.width / 2, source.y + SIZES.height)
        assert line.points[-1] == (target.x + SIZES.width / 2, target.y)
        lanes = list(zip(line.points[1:-1:2], line.points[2:-1:2], strict=True))
        assert bool(lanes) == (line.lane is not None)
        for (x, top), (same, _) in lanes:
            assert x == same
            assert not [box for box in drawing.boxes if box.y == top and box.x <= x <= box.x + SIZES.width]


def test_a_chain_is_straight():
    drawing = draw(pipeline("chain"), SIZES)
    assert max(box.x for box in drawing.boxes) - min(box.x for box in drawing.boxes) <= 1
    assert [box.y for box in drawing.boxes] == [10, 78, 146, 214]
    straight = next(line for line in drawing.lines if line.target == "split")
    assert straight.path.startswith("M60,40 C60,59 60,59 60,78")


def test_edges_between_the_same_stages_are_one_line():
    edges = (Edge("a", "b", ("x", "y")), Edge("a", "b", ("file:z", "x"), "file"))
    stages = (Stage("a", (1,), ()), Stage("b", (2,), ()))
    (line,) = draw(Pipeline("work.ipynb", stages, edges, (), (), ()), SIZES).lines
    assert line.names == ("x", "y", "file:z")


def test_the_picture_is_wide_enough_for_its_labels_and_escaped():
    names = tuple(f"name_{number}<" for number in range(6))
    edges = (Edge("a<b", "c", names), Edge("a<b", "d", ("v",)), Edge("c", "d", ("w",)))
    stages = tuple(Stage(name, (1,), ()) for name in ("a<b", "c", "d"))
    svg = to_svg(Pipeline("work.ipynb", stages, edges, (), (), ()))
    assert "a<b" not in svg
    assert "a&lt;b" in svg
    assert "name_3&lt; …" in svg
    width = float(svg.split('width="')[1].split('"')[0])
    assert width > 150 + 100
