"""What cells display, in a form in which only what is told to the reader counts."""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
import tempfile
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Output = dict[str, Any]

NUMBER = r"\d+(?:[.,]\d+)?(?:e[+-]?\d+)?"
UNIT = r"(?:ns|[µμu]s|ms|s|sec|secs|seconds?|min|mins|minutes?|h|hours?|milliseconds?|microseconds?)\b"
DURATION = rf"{NUMBER}\s*{UNIT}"
TIMES = re.compile(
    rf"(?P<cpu>CPU times:.*)"
    rf"|(?P<wall>Wall time:.*)"
    rf"|(?P<loop>{DURATION}\s*(?:±|\+-)\s*{DURATION} per loop.*)"
    rf"|(?P<bar>\d+%\|[^\n|]*\|[^\n]*)"
    rf"|(?P<rate>\[\d+:\d\d(?::\d\d)?<[^\]]*\])"
    rf"|(?P<clock>\b\d+:\d\d:\d\d\.\d+\b)"
    rf"|(?P<took>\b(?:took|elapsed|time|duration|runtime|in|after|finished|done)\b"
    rf"[^\n\w]{{0,3}}(?:\w+[ :=]+){{0,2}}{DURATION})",
    re.IGNORECASE,
)
"""What `%time`, `%timeit`, progress bars and hand-made stop watches print."""
NOISE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b0x[0-9a-fA-F]{6,}\b"), "0x…"),
    (re.compile(r"\.\.\.x?[0-9a-f]{6,}(?=>|&gt;)"), "0x…"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "uuid…"),
    (re.compile(r"nbprod-verify-\w+"), "nbprod-verify-…"),
    (re.compile(rf"{re.escape(tempfile.gettempdir())}/\w+"), "<temporary folder>"),
    (re.compile(r"\bsk-(container|estimator)-id-\d+"), r"sk-\1-id-…"),
    (re.compile(r"\bT_[0-9a-f]{5,}(?=[_\"' {#])"), "T_…"),
    (re.compile(r"\baltair-viz-[0-9a-f]+"), "altair-viz-…"),
    (re.compile(r"\b(ipykernel_)\d+"), r"\1…"),
)
SVG_NOISE = (
    (re.compile(r"<dc:date>.*?</dc:date>", re.DOTALL), ""),
    (re.compile(r"(id=\"|href=\"#|url\(#)[\w.-]+"), r"\1…"),
)
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif"})
RANDOM_IDS = frozenset({"uid", "model_id", "display_id", "plot_id", "root_id", "docid"})
IGNORED = frozenset(
    {"application/javascript", "application/vnd.holoviews_load.v0+json", "application/vnd.bokehjs_exec.v0+json"}
)
"""Code for the browser, which draws what the other representations hold."""


def plain(text: str) -> str:
    """Return `text` without what is never the same twice: addresses, times, random ids."""
    text = re.sub(r"[^\n]*\r(?!\n)", "", text)  # what a progress bar wrote over
    for pattern, short in NOISE:
        text = pattern.sub(short, text)
    return TIMES.sub(lambda match: f"<{match.lastgroup}>", text)


def canonical(outputs: Iterable[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """Return what a cell shows as (kind, content) pairs: what it printed first, then its displays in order.

    `stderr` is left out: a warning is shown once a process, and the pipeline has several.
    """
    printed = []
    shown: list[tuple[str, Any]] = []
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream":
            if output.get("name") != "stderr":
                printed.append(_text(output.get("text", "")))
        elif kind == "error":
            shown.append(("error", plain(f"{output.get('ename')}: {output.get('evalue')}")))
        elif output.get("data"):
            shown.append(("display", _bundle(output["data"])))
    text = plain("".join(printed))
    return [("printed", text), *shown] if text else shown


def _bundle(data: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: _content(kind, data[kind]) for kind in sorted(data) if kind not in IGNORED}


def _content(kind: str, value: Any) -> Any:
    if kind in PICTURES:
        return picture(_text(value))
    if kind == "image/svg+xml":
        text = plain(_text(value))
        for pattern, short in SVG_NOISE:
            text = pattern.sub(short, text)
        return text
    if isinstance(value, dict | list) and kind.endswith("json"):
        return _without_ids(value)
    return _markup(_text(value)) if kind == "text/html" else plain(_text(value))


def _markup(text: str) -> str:
    """Return HTML without the ids that plotting libraries draw for their elements."""
    text = plain(text)
    return re.sub(r"((?:id|for|data-root-id)=[\"'])[\w-]*[0-9a-f]{6,}[\w-]*", r"\1…", text)


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(item) for name, item in sorted(value.items()) if name not in RANDOM_IDS}
    if isinstance(value, list):
        return [_without_ids(item) for item in value]
    return plain(value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "".join(map(str, value)) if isinstance(value, list) else json.dumps(value, sort_keys=True)


def picture(data: str) -> str:
    """Return a digest of the pixels of a PNG in base64; of the bytes of any other picture."""
    try:
        raw = base64.b64decode(data)
    except (ValueError, binascii.Error):
        return data
    pixels = _pixels(raw)
    return f"{len(raw)} bytes, {zlib.crc32(raw):08x}" if pixels is None else f"{pixels[0]} pixels, {pixels[1]:08x}"


def _pixels(raw: bytes) -> tuple[str, int] | None:
    """Return size and checksum of the pixels as they lie in a PNG; its comments and dates do not count."""
    if raw[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    header, parts, at = b"", [], 8
    while at + 8 <= len(raw):
        length, kind = struct.unpack(">I4s", raw[at : at + 8])
        body = raw[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            header = body
        elif kind == b"IDAT":
            parts.append(body)
        elif kind in (b"PLTE", b"tRNS"):
            header += body
        at += length + 12
    try:
        lines = zlib.decompress(b"".join(parts))
        width, height = struct.unpack(">II", header[:8])
    except (zlib.error, struct.error):
        return None
    return f"{width} x {height}", zlib.crc32(lines, zlib.crc32(header))


def difference(one: Sequence[tuple[str, Any]], other: Sequence[tuple[str, Any]]) -> tuple[str, str, str] | None:
    """Return where two cells' displays differ first, and what either shows there; None when they show the same."""
    if list(one) == list(other):
        return None
    for left, right in zip(one, other, strict=False):
        if left == right:
            continue
        if left[0] != right[0]:
            return "output", _said(left), _said(right)
        if left[0] != "display":
            return _texts(left[0], left[1], right[1])
        return _bundles(left[1], right[1])
    more, side = (one, 0) if len(one) > len(other) else (other, 1)
    said = _said(more[min(len(one), len(other))])
    return ("output", said, "nothing") if side == 0 else ("output", "nothing", said)


def _bundles(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, str, str]:
    if one.keys() != other.keys():
        return "representations", ", ".join(one), ", ".join(other)
    kinds = sorted((kind for kind in one if one[kind] != other[kind]), key=lambda kind: (kind != "text/plain", kind))
    kind = kinds[0]
    if kind in PICTURES:
        return "figure", one[kind], other[kind]
    left, right = (
        value if isinstance(value, str) else json.dumps(value, sort_keys=True) for value in (one[kind], other[kind])
    )
    return _texts(kind, left, right)


def _texts(what: str, one: str, other: str) -> tuple[str, str, str]:
    left, right = one.splitlines() or [""], other.splitlines() or [""]
    for number, (mine, its) in enumerate(zip(left, right, strict=False), 1):
        if mine != its:
            return (f"{what}, line {number}" if len(left) > 1 else what), *_near(mine, its)
    number = min(len(left), len(right))
    line = left[number] if len(left) > number else ""
    its = right[number] if len(right) > number else ""
    return f"{what}, line {number + 1}", _short(line) or "nothing", _short(its) or "nothing"


def _near(one: str, other: str) -> tuple[str, str]:
    """Return both lines, from shortly before the place where they differ."""
    at = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, at - 30) if max(len(one), len(other)) > 80 else 0
    head = "…" if start else ""
    return _short(head + one[start:]), _short(head + other[start:])


def _said(entry: tuple[str, Any]) -> str:
    kind, content = entry
    if kind == "display":
        text = content.get("text/plain") or next(iter(content), "")
        return _short(f"displayed {text}")
    return _short(f"{kind} {content}")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 120 else f"{text[:119]}…"


def without_numbers(shown: Sequence[tuple[str, Any]]) -> str:
    """Return displays as one text without their numbers."""
    return re.sub(r"[-+]?\d[\d.,:e+-]*", "#", json.dumps(shown, sort_keys=True, default=str))
