"""What counts of what a cell displays."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod.execution.verifying.displays import canonical, difference, picture, plain, without_numbers


def printed(*texts, name="stdout"):
    return [{"output_type": "stream", "name": name, "text": text} for text in texts]


def displayed(**data):
    return [{"output_type": "display_data", "data": {kind.replace("_", "/"): value for kind, value in data.items()}}]


def png(pixels: bytes, *, level: int = 6, comment: bytes = b"", size=(2, 1)) -> str:
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + (chunk(b"tEXt", comment) if comment else b"")
    body += chunk(b"IDAT", zlib.compress(b"\0" + pixels, level)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<Thing object at 0x7f3a2b1c4d5e>", "<Thing object at 0x7f00000000aa>"),
        ("CPU times: user 3.2 ms, sys: 0 ns, total: 3.2 ms\nWall time: 3.1 ms", "CPU times: user 1 s\nWall time: 1 s"),
        ("12.3 ns ± 0.1 ns per loop (mean ± std. dev. of 7 runs, 10 loops each)", "9 µs ± 1 µs per loop (mean)"),
        ("100%|██████████| 10/10 [00:00<00:00, 123.45it/s]", "100%|██████████| 10/10 [00:03<00:00, 3.10it/s]"),
        ("training took 1.23 seconds", "training took 4.5 seconds"),
        ("Elapsed: 0:00:01.234567", "Elapsed: 0:00:09.1"),
        ("id 1b4e28ba-2fa1-41d2-883f-0016d3cca427", "id 6fa459ea-ee8a-4ca4-894e-db77e160355e"),
        ("10%\r50%\rdone", "20%\r60%\rdone"),
        ('<div id="sk-container-id-1">', '<div id="sk-container-id-4">'),
        ("<style>#T_1a2b3 td {}", "<style>#T_9f8e7 td {}"),
    ],
)
def test_addresses_times_and_random_ids_do_not_count(one, other):
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("accuracy 0.91", "accuracy 0.92"),
        ("5 rows", "6 rows"),
        ("in 3 folds", "in 4 folds"),
        ("0x1f", "0x2f"),
        ("1.5 GB", "1.6 GB"),
    ],
)
def test_everything_else_counts(one, other):
    assert plain(one) != plain(other)


@given(st.text())
def test_plain_text_is_stable(text):
    assert plain(text) == plain(text)
    assert canonical(printed(text)) == canonical(printed(text[:3], text[3:])), "pieces of a stream are one text"


@given(st.lists(st.sampled_from(["1", "2"]), max_size=3), st.lists(st.sampled_from(["1", "2"]), max_size=3))
def test_a_difference_is_told_where_there_is_one(one, other):
    left, right = (canonical([item for text in side for item in displayed(text_plain=text)]) for side in (one, other))
    assert (difference(left, right) is None) == (one == other)


def test_warnings_do_not_count():
    assert canonical(printed("FutureWarning: …", name="stderr")) == []


def test_pictures_are_compared_by_their_pixels():
    assert picture(png(b"\1\2")) == picture(png(b"\1\2", level=0, comment=b"Date\0today"))
    assert picture(png(b"\1\2")) != picture(png(b"\1\3"))
    assert picture(png(b"\1\2")) != picture(png(b"\1\2", size=(1, 1)))
    assert picture("no picture") == picture("no picture")
    where, left, right = difference(
        canonical(displayed(image_png=png(b"\1\2"), text_plain="<Figure>")),
        canonical(displayed(image_png=png(b"\1\3"), text_plain="<Figure>")),
    )
    assert where == "figure"
    assert left != right
    assert left.startswith("2 x 1 pixels")


def test_charts_are_compared_without_their_ids():
    kind = "application/vnd.plotly.v1+json"
    one = [{"output_type": "display_data", "data": {kind: {"data": [{"x": [1, 2], "uid": "a1"}]}}}]
    same = [{"output_type": "display_data", "data": {kind: {"data": [{"uid": "b2", "x": [1, 2]}]}}}]
    other = [{"output_type": "display_data", "data": {kind: {"data": [{"uid": "b2", "x": [1, 3]}]}}}]
    assert canonical(one) == canonical(same)
    assert canonical(one) != canonical(other)
    svg = '<svg><clipPath id="p{0}"/><g clip-path="url(#p{0})"/><dc:date>{1}</dc:date></svg>'
    left, right = (displayed(**{"image_svg+xml": svg.format(*pair)}) for pair in (("1a", "2026"), ("2b", "2027")))
    assert canonical(left) == canonical(right)


def test_the_first_difference_is_shown_from_both_sides():
    left, right = canonical(printed("a\nb\nc\n")), canonical(printed("a\nB\nc\n"))
    assert difference(left, right) == ("printed, line 2", "b", "B")
    assert difference(left, []) == ("output", "printed a b c", "nothing")
    long = "x" * 200
    where, one, other = difference(canonical(printed(long + "1")), canonical(printed(long + "2")))
    assert (where, one[-1], other[-1]) == ("printed", "1", "2")
    error = [{"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}]
    assert difference(canonical(error), canonical(displayed(text_plain="1")))[1:] == (
        "error ValueError: no",
        "displayed 1",
    )
    kinds = difference(canonical(displayed(text_plain="1")), canonical(displayed(text_plain="1", text_html="<b>1")))
    assert kinds == ("representations", "text/plain", "text/html, text/plain")


def test_without_numbers():
    assert without_numbers(canonical(printed("at 12:03, 0.5"))) == without_numbers(canonical(printed("at 9:59, 1e-3")))
