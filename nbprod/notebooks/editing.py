"""Edits that mend findings, made to the text of a notebook; all the rest of the file stays byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import NotebookError, Where
from nbprod.notebooks.reading import document, source_of, text_of
from nbprod.notebooks.tags import parse_magic
from nbprod.notebooks.writing import replace_file, retagged, spliced, validate

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from nbprod.core.pipeline import Edit


def edited(text: str, name: str, edits: Sequence[Edit]) -> str:
    """Return the notebook's text with the edits made; of two that overlap, the first in the cell is made.

    An edit whose `old` text is not where it should be is left out.
    """
    if not edits:
        return text
    cells = _writable(text, name)["cells"]
    by_cell: dict[int, list[Edit]] = {}
    for edit in edits:
        if edit.kind != "requirement" and 0 < edit.cell <= len(cells):
            by_cell.setdefault(edit.cell, []).append(edit)
    for number, wanted in by_cell.items():
        raw = cells[number - 1]
        for key, value in _changed(raw, wanted).items():
            if raw.get(key) != value:
                text = spliced(text, number - 1, key, value)
    return text


def rewrite(path: str | os.PathLike[str], text: str) -> None:
    """Give a notebook's file this text, atomically; raises `NotebookError` where it would not be a valid notebook."""
    file = Path(path)
    before, after = text_of(file, file.name), document(text, file.name)
    if text != before:
        validate(after, document(before, file.name), file.name)
        replace_file(file, text)


def _writable(text: str, name: str) -> dict[str, Any]:
    data = document(text, name)
    if data["nbformat"] != 4:
        message = f"{name} is nbformat {data['nbformat']}"
        raise NotebookError("NB004", message, "save it in Jupyter first", Where(name))
    return data


def _changed(raw: dict[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """Return what becomes of a cell's keys."""
    changed: dict[str, Any] = {}
    source = source_of(raw)
    text = _replaced(source, [edit for edit in edits if edit.kind == "text"])
    if text != source:
        changed["source"] = text if isinstance(raw.get("source"), str) else text.splitlines(keepends=True)
    for edit in edits:
        if edit.kind == "tag":
            changed.update(_tagged({**raw, **changed}, edit))
        elif edit.kind == "outputs":
            changed["outputs"] = []
    return changed


def _tagged(raw: dict[str, Any], edit: Edit) -> dict[str, Any]:
    """Return what becomes of a cell given a tag; one written as a `%%mlops` line stays one unless that is to go."""
    base = {**raw, **retagged(raw, None)} if edit.old else raw
    return {**{key: base[key] for key in ("source",) if key in base}, **retagged(base, parse_magic(edit.new))}


def _replaced(source: str, edits: Iterable[Edit]) -> str:
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    places: list[tuple[int, Edit]] = []
    end = -1
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.column)):
        begin = starts[edit.line - 1] + edit.column if 0 < edit.line < len(starts) else len(source) + 1
        if begin > end and source.startswith(edit.old, begin) and begin <= len(source):
            places.append((begin, edit))
            end = begin + len(edit.old) - (1 if edit.old else 0)
    for begin, edit in reversed(places):
        source = source[:begin] + edit.new + source[begin + len(edit.old) :]
    return source
