"""Tags back into the file, and nothing else in it changed: only the text of one JSON value is replaced."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import NotebookError, Where
from nbprod.notebooks import tags as grammar
from nbprod.notebooks.reading import MAGIC, document, forms, is_tag, parse, source_of, table, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbprod.core.notebook import Notebook, Tag

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def write_tag(path: str | os.PathLike[str], cell: str | int, tag: Tag | None) -> None:
    """Give a cell its tag, or take it away; nothing else in the file changes.

    A cell that says its tag by a `%%mlops` line keeps that form, every other gets metadata.

    Parameters
    ----------
    path
        The `.ipynb` file; it is replaced atomically and keeps its mode.
    cell
        The cell's id, or its 1-based number.
    tag
        The tag, None to remove it.
    """
    write_tags(path, {cell: tag})


def write_tags(path: str | os.PathLike[str], tags: Mapping[Any, Tag | None]) -> None:
    """Give several cells their tags, as `write_tag` does, all or none."""
    file = Path(path)
    text = text_of(file, file.name)
    before = document(text, file.name)
    if before["nbformat"] != 4:
        raise NotebookError("NB004", f"{file.name} is nbformat {before['nbformat']}", "save it in Jupyter first")
    book = parse(text, file.name)
    chosen: dict[int, Tag | None] = {}
    for cell, tag in tags.items():
        if tag is not None:
            grammar.from_table(grammar.metadata(tag), "metadata")
        chosen[_index(book, cell)] = tag
    begins = _items(text, _members(text, _after(text, 0))["cells"][0])
    for index in sorted(chosen, reverse=True):  # so that places further up stay where they are
        raw = before["cells"][index]
        for key, value in retagged(raw, chosen[index]).items():
            if raw.get(key) != value:
                text = _placed(text, begins[index], key, value)
    after = json.loads(text)
    if after != before:
        validate(after, before, file.name)
        replace_file(file, text)


def _index(notebook: Notebook, cell: str | int) -> int:
    for index, item in enumerate(notebook.cells):
        if cell in (item.number, item.id):
            if item.kind != "code":
                where = Where(notebook.path, item.number, item.id)
                raise NotebookError("NB009", f"cell {item.number} is {item.kind}", "only code cells are tagged", where)
            return index
    hint = f"cells 1 to {len(notebook.cells)}"
    raise NotebookError("NB008", f"{notebook.path} has no cell {cell}", hint, Where(notebook.path))


def retagged(raw: dict[str, Any], tag: Tag | None) -> dict[str, Any]:
    """Return `metadata` and `source` of a cell with this tag, in one form only."""
    source = source_of(raw)
    magic = any(form == "magic" for form, _ in forms(raw, source))
    metadata = dict(table(raw.get("metadata")))
    tags = metadata.get("tags")
    if isinstance(tags, list) and any(isinstance(text, str) and is_tag(text) for text in tags):
        metadata["tags"] = [text for text in tags if not (isinstance(text, str) and is_tag(text))]
        if not metadata["tags"]:
            del metadata["tags"]
    if tag is None or magic:
        metadata.pop("nbprod", None)
    else:
        metadata["nbprod"] = grammar.metadata(tag)
    changed: dict[str, Any] = {"metadata": metadata}
    if magic:
        text = _with_magic(source, tag)
        changed["source"] = text if isinstance(raw.get("source"), str) else text.splitlines(keepends=True)
    return changed


def _with_magic(source: str, tag: Tag | None) -> str:
    lines = source.splitlines(keepends=True)
    index = next(number for number, line in enumerate(lines) if line.strip())
    ending = lines[index][len(lines[index].rstrip("\r\n")) :]
    assert MAGIC.match(lines[index].rstrip("\r\n"))
    lines[index] = grammar.format_tag(tag) + ending if tag else ""
    return "".join(lines)


def spliced(text: str, index: int, key: str, value: Any) -> str:
    """Return the notebook's text with `cells[index][key]` replaced, or added, in the style of the file."""
    cells = _members(text, _after(text, 0))["cells"][0]
    return _placed(text, _items(text, cells)[index], key, value)


def _placed(text: str, start: int, key: str, value: Any) -> str:
    """Return the text with `key` of the cell that begins at `start` replaced, or added."""
    members = _members(text, start)
    if key in members:
        begin, end = members[key]
        return text[:begin] + _dumped(text, begin, value) + text[end:]
    begin = _after(text, start + 1)
    head = f"{json.dumps(key)}: {_dumped(text, begin, value)}"
    return text[:begin] + (f"{head},{text[start + 1 : begin] or ' '}" if members else head) + text[begin:]


def _dumped(text: str, begin: int, value: Any) -> str:
    """Return `value` as JSON, indented as the line that holds position `begin`."""
    newline = "\r\n" if "\r\n" in text else "\n"
    step = re.search(r"\n([ \t]*)\"", text)
    line = text[text.rfind("\n", 0, begin) + 1 : begin]
    margin = line[: len(line) - len(line.lstrip(" \t"))]
    escaped = text.isascii() and "\\u" in text
    if step is None:
        spaced = re.search(r'"nbformat":\s', text)
        separators = (", ", ": ") if spaced else (",", ":")
        return json.dumps(value, ensure_ascii=escaped, separators=separators)
    dumped = json.dumps(value, indent=step[1], ensure_ascii=escaped)
    return dumped.replace("\n", newline + margin)


def _members(text: str, start: int) -> dict[str, tuple[int, int]]:
    """Return begin and end of each value of the JSON object at `start`."""
    found: dict[str, tuple[int, int]] = {}
    position = _after(text, start + 1)
    while text[position] != "}":
        key, position = _DECODER.raw_decode(text, position)
        begin = _after(text, _after(text, position) + 1)
        end = _DECODER.raw_decode(text, begin)[1]
        found[key] = (begin, end)
        position = _next(text, end)
    return found


def _items(text: str, start: int) -> list[int]:
    """Return where each item of the JSON array at `start` begins."""
    found = []
    position = _after(text, start + 1)
    while text[position] != "]":
        found.append(position)
        position = _next(text, _DECODER.raw_decode(text, position)[1])
    return found


def _after(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _next(text: str, end: int) -> int:
    position = _after(text, end)
    return _after(text, position + 1) if text[position] == "," else position


def validate(after: dict[str, Any], before: dict[str, Any], name: str) -> None:
    """Raise `NotebookError` where a change makes a valid notebook invalid."""
    wrong = _violation(after)
    if wrong and not _violation(before):
        raise NotebookError("NB010", f"{name} would not be a valid notebook: {wrong}", None, Where(name))


def _violation(data: dict[str, Any]) -> str | None:
    from nbformat.validator import iter_validate

    violations: Iterator[Any] = iter_validate(data, version=4, version_minor=data.get("nbformat_minor", 0))  # type: ignore[no-untyped-call]  # nbformat has no types
    first = next(iter(violations), None)
    return str(first.message) if first else None


def replace_file(file: Path, text: str) -> None:
    """Give a file another text, whole or not at all; it keeps its mode."""
    import tempfile

    target = file.resolve()
    try:
        mode = target.stat().st_mode
        bom = b"\xef\xbb\xbf" if target.read_bytes().startswith(b"\xef\xbb\xbf") else b""
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(bom + text.encode("utf-8"))
            Path(temporary).chmod(mode & 0o7777)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        message = f"{file.name} cannot be written: {error.strerror}"
        raise NotebookError("NB007", message, "check permissions and free space", Where(file.name)) from error
