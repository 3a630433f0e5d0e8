"""Notebooks broken at random: in their bytes, their JSON, their cells' text. Nothing but `NbprodError` may come of them."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from .notebooks import book

if TYPE_CHECKING:
    import random

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\ud800",
    "\0",
    [],
    [[]],
    {},
    {"a": {}},
    ["x", 1],
)
TAGS = (
    "stage:a",
    "stage:",
    "stage:a b",
    "parameters",
    "nbprod:setup",
    "nbprod:x",
    "nbprod:gate",
    "",
    3,
    None,
    {"stage": "a"},
)
TAGGED = (
    {"stage": "a"}, {"stage": 1}, {"stage": "a", "retries": -1}, {"role": "gate"}, {"role": []}, {"stage": "a", "role": "setup"},
    {"stage": "a", "reads": {"x": 1}, "gates": 3, "resources": "cpu"}, {"stage": "a", "timeout": "1e999h"}, [], "a", None,
)  # fmt: skip
NOISE = (
    "(", ")", "[", "}", "\n", "\r\n", "\r", "\f", "\t", "    ", "%", "!", "=", ":", "'", '"""', "\\", "\0", "é", "\ud800", "\ufeff", "\u2028",
    "@", "?", "#", "global x\n", "lambda ", "%%", "%%mlops ", "%%mlops stage a --retries x\n", "%%time\n", "%run other.ipynb\n", "await ",
    "yield ", "return\n", "async ", "nonlocal v\n", "del ", "*", "**", ":=", "match x:\n", "case _:\n", "f'{x!r:{y}}'", "from . import *\n",
    "from __future__ import annotations\n", "import a.b.c as d\n", "class C[T]: pass\n", "type X = int\n", "except* E:\n", "__class__", "super()",
    "print?", "??x", "/f 1", ";f a", ",f a", "x = %pwd", "x = !ls\n", "!{x}", "$x", "9" * 5000, "0x" + "f" * 300, "1e999", "1_000j",
)  # fmt: skip
DEEP = (
    "(" * 300 + ")" * 300, "[" * 90 + "]" * 90, "x = " + "-" * 3000 + "1", "x = " + "1+" * 3000 + "1", "x" + ".y" * 3000, "f" + "(1)" * 1500,
    "x = " + "not " * 2000 + "y", "if x:\n" + "".join("  " * n + "if x:\n" for n in range(1, 99)) + "  " * 99 + "pass",
    "x = " + "lambda: " * 500 + "1", "\n".join(f"v{n} = v{n - 1}" for n in range(1, 2000)), "x = '" + "a" * 100_000 + "'", "x[" * 200 + "0" + "]" * 200,
    "a = " * 500 + "1", "if x: pass\n" + "elif x: pass\n" * 900, "del " + "(" * 100 + "x" + ")" * 100, "f'" + "{" * 60 + "}" * 60 + "'",
    "def f():\n" + "".join(" " * n + f"def f{n}():\n" for n in range(1, 60)) + " " * 60 + "return v", "x = " + "{1: " * 90 + "2" + "}" * 90,
    "async def f():\n" + " await x\n" * 500, "with " + ", ".join(f"a as b{n}" for n in range(500)) + ":\n pass", "x = " + " if y else ".join("abc" * 200),
)  # fmt: skip


def mutant(chance: random.Random) -> bytes:
    """Return the bytes of a broken notebook."""
    data = _document(chance)
    for _ in range(chance.choice((0, 0, 0, 1, 1, 3))):
        _break(data, chance)
    text = json.dumps(data, ensure_ascii=chance.random() < 0.8)
    content = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        content = (
            b"[" * chance.choice((10, 5000, 200_000)) + content if chance.random() < 0.1 else _torn(content, chance)
        )
    return content


def _document(chance: random.Random) -> dict[str, Any]:
    cells = []
    for tag, lines in book(chance).cells:
        source = "\n".join(lines)
        for _ in range(chance.choice((0, 0, 0, 0, 0, 1, 2))):
            source = _noisy(source, chance)
        if chance.random() < 0.03:
            source = chance.choice(DEEP)
        metadata: Any = {"tags": [f"stage:{tag}" if tag and len(tag) == 1 else chance.choice(TAGS)]}
        if chance.random() < 0.1:
            metadata["nbprod"] = chance.choice(TAGGED)
        given: Any = source.splitlines(keepends=True) if chance.random() < 0.5 else source
        cells.append(
            {"cell_type": "code", "id": f"c{len(cells)}", "metadata": metadata, "source": given, "outputs": []}
        )
    return {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}


def _noisy(source: str, chance: random.Random) -> str:
    """Return a text with a piece put in, taken out, doubled or moved."""
    low, high = sorted(chance.randint(0, len(source)) for _ in range(2))
    high = min(high, low + 9)
    kind = chance.randint(0, 4)
    if kind == 0:
        return source[:low] + source[high:]
    if kind == 1:
        return source[:low] + chance.choice(NOISE) + source[low:]
    if kind == 2:
        return source[:high] + source[low:]
    lines = source.split("\n")
    if kind == 3:
        chance.shuffle(lines)
        return "\n".join(lines)
    at = chance.randrange(len(lines))
    return "\n".join([*lines[:at], " " * chance.randint(0, 5) + lines[at], *lines[at + 1 :]])


def _break(data: Any, chance: random.Random) -> None:
    """Put something odd at a random place of a JSON document."""
    while True:
        keys = list(data) if isinstance(data, dict) else range(len(data))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(data[key], (dict, list)) and chance.random() < 0.7:
            data = data[key]
            continue
        if isinstance(data, dict) and chance.random() < 0.2:
            del data[key]
        elif chance.random() < 0.2 and isinstance(data, list):
            data.insert(key, copy.deepcopy(chance.choice((*(item for item in data if isinstance(item, str)), *ODD))))
        else:
            data[key] = copy.deepcopy(chance.choice(ODD))
        return


def _torn(content: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(content))
    return (
        content[:at]
        + bytes(chance.randrange(256) for _ in range(chance.randint(0, 4)))
        + content[at + chance.randint(0, 4) :]
    )


def survive(content: bytes, path: Any) -> str:
    """Read and analyse a notebook of that content and draw what comes of it; returns what it was."""
    from nbprod import notebooks
    from nbprod.analysis import analyze, to_json, to_mermaid, to_text
    from nbprod.core.errors import NbprodError

    path.write_bytes(content)
    try:
        read = notebooks.read(path)
    except NbprodError as error:
        return "unreadable" if error.code and str(error) else "without a word"
    pipeline = analyze([read])
    json.dumps([to_json(pipeline), [item.message for item in pipeline.diagnostics]])
    to_text(pipeline)
    to_mermaid(pipeline)
    order = {stage.name: index for index, stage in enumerate(pipeline.stages)}
    if pipeline.errors:
        assert all(item.code and item.message for item in pipeline.errors)
        return "refused"
    assert all(order[edge.source] < order[edge.target] for edge in pipeline.edges)
    return "analysed"
