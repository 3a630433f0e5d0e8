"""`.ipynb` → Notebook, from plain JSON; nbformat is imported only to upgrade old files."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import NotebookError, UsageError, Where
from nbprod.core.notebook import Cell, Notebook, Tag
from nbprod.core.pipeline import Diagnostic
from nbprod.notebooks import tags as grammar

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

MAGIC = re.compile(r"[ \t]*%%mlops(?=\s|$)(.*)")
_OWN = re.compile(r"^(%(?:load_ext|reload_ext)[ \t]+nbprod[ \t]*$|%mlops(?=\s|$).*$)", re.MULTILINE)


def read(path: str | os.PathLike[str], relative: str | None = None) -> Notebook:
    """Return the notebook in the file at `path`; raises `NotebookError`.

    Parameters
    ----------
    path
        The `.ipynb` file.
    relative
        Its path relative to the project, the name it has everywhere in nbprod.
    """
    name = relative or Path(path).name
    return parse(text_of(Path(path), name), name)


def parse(text: str, name: str) -> Notebook:
    """Return the notebook that `text` holds; tags that are wrong become `Notebook.problems`."""
    data = _upgraded(document(text, name), name)
    problems: list[Diagnostic] = []
    seen: set[str] = set()
    keeps_ids = (data["nbformat"], _whole(data.get("nbformat_minor"))) >= (4, 5)
    cells = []
    for number, raw in enumerate(data["cells"], 1):
        given = raw.get("id") if keeps_ids else None
        identity = given if isinstance(given, str) and given not in seen else f"cell-{number}"
        seen.add(identity)
        cells.append(_cell(raw, number, identity, name, problems))
    metadata = table(data.get("metadata"))
    kernel = table(metadata.get("kernelspec"))
    language = kernel.get("language") or table(metadata.get("language_info")).get("name")
    return Notebook(name, tuple(cells), _word(kernel.get("name")), _word(language), metadata, tuple(problems))


def strip_magic(source: str) -> str:
    """Return what runs of a cell: the `%%mlops` line and nbprod's own line magics turned into comments.

    Line numbers stay, but where a cell magic such as `%%time` follows, the `%%mlops` line is dropped: IPython wants
    a cell magic first.
    """
    body = _without_mlops(source) if "%%mlops" in source else source
    return _OWN.sub(lambda match: f"# {match.group(0)}", body) if "%" in body else body


def text_of(file: Path, name: str) -> str:
    """Return the text of a notebook file; raises `NotebookError`."""
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise NotebookError("NB001", f"there is no notebook {name}", "check the path", Where(name)) from error
    except OSError as error:
        raise NotebookError("NB001", f"{name} cannot be read: {error.strerror}", None, Where(name)) from error
    if not content.strip():
        raise NotebookError("NB006", f"{name} is empty", "open it in Jupyter and save it", Where(name))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotebookError("NB005", f"{name} is not UTF-8 (byte {error.start})", None, Where(name)) from error


def document(text: str, name: str) -> dict[str, Any]:
    """Return the JSON of a notebook, known to be one; raises `NotebookError`."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = "restore it from version control, or save it again in Jupyter"
        raise NotebookError("NB002", f"{name} is not JSON: {error}", hint, Where(name)) from error
    if not isinstance(data, dict) or "nbformat" not in data:
        raise NotebookError("NB003", f"{name} is JSON, but not a notebook", "give an .ipynb file", Where(name))
    if type(data["nbformat"]) is not int or data["nbformat"] not in (3, 4):
        message = f"{name} has unknown nbformat {data['nbformat']!r}"
        raise NotebookError("NB004", message, "nbformat 3 and 4 are known; save it in Jupyter", Where(name))
    if data["nbformat"] == 4:
        _require_cells(data, name)
    return data


def _require_cells(data: dict[str, Any], name: str) -> None:
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise NotebookError("NB003", f"{name} is not a notebook: it has no list of cells", None, Where(name))
    for number, cell in enumerate(cells, 1):
        source = cell.get("source", "") if isinstance(cell, dict) else None
        if not isinstance(source, str) and not (isinstance(source, list) and all(isinstance(x, str) for x in source)):
            raise NotebookError("NB003", f"{name} is not a notebook: cell {number} is none", None, Where(name, number))


def _upgraded(data: dict[str, Any], name: str) -> dict[str, Any]:
    if data["nbformat"] == 4:
        return data
    import nbformat

    try:
        node: Any = nbformat.from_dict(data)  # type: ignore[no-untyped-call]  # nbformat has no types
        upgraded: dict[str, Any] = json.loads(json.dumps(nbformat.convert(node, 4)))  # type: ignore[no-untyped-call]  # the same
    except Exception as error:
        message = f"{name} is nbformat 3 and cannot be upgraded: {error!r}"
        raise NotebookError("NB004", message, "open and save it in Jupyter", Where(name)) from error
    _require_cells(upgraded, name)
    return {**upgraded, "nbformat": 4, "nbformat_minor": 0}  # the ids it gave are new each time


def _cell(raw: dict[str, Any], number: int, identity: str, notebook: str, problems: list[Diagnostic]) -> Cell:
    source = source_of(raw)
    written = raw.get("cell_type")
    if written != "code":
        return Cell(number, identity, "markdown" if written == "markdown" else "raw", source, source)
    place = (notebook, number, identity, 1)
    tags = []
    for form, text in forms(raw, source):
        try:
            tags.append(_tag(form, text))
        except UsageError as error:
            problems.append(Diagnostic(error.code, "error", error.message, *place, fix=error.hint))
    if len({(tag.role, tag.stage) for tag in tags}) > 1 or _conflict(tags):
        said = "; ".join(f"{tag.source}: {grammar.format_tag(tag).removeprefix('%%mlops ')}" for tag in tags)
        message = f"the tags of this cell disagree ({said})"
        problems.append(Diagnostic("NB103", "error", message, *place, fix="keep one of them: nbprod tag"))
    tag = max(tags, key=lambda tag: len(tag.options)) if tags else None
    count = raw.get("execution_count")
    outputs = raw.get("outputs")
    shown = tuple(item for item in outputs if isinstance(item, dict)) if isinstance(outputs, list) else ()
    return Cell(
        number, identity, "code", source, strip_magic(source), tag, count if type(count) is int else None, shown
    )


def _tag(form: str, given: Any) -> Tag:
    if form == "magic":
        return grammar.parse_magic(given)
    if form == "metadata":
        return grammar.from_table(given, "metadata")
    return _tagged(given)


@lru_cache
def _tagged(text: str) -> Tag:
    name = text.removeprefix("stage:")
    return grammar.from_table({"role": text.removeprefix("nbprod:")} if name == text else {"stage": name}, "tag")


def forms(raw: Mapping[str, Any], source: str) -> Iterator[tuple[str, Any]]:
    """Yield each form (`metadata`, `tag`, `magic`) in which a cell of the file is tagged, and what is written there."""
    metadata = table(raw.get("metadata"))
    if metadata.get("nbprod") not in (None, {}):
        yield "metadata", metadata["nbprod"]
    tags = metadata.get("tags")
    for text in tags if isinstance(tags, list) else ():
        if isinstance(text, str) and is_tag(text):
            yield "tag", text
    match = MAGIC.match(source.lstrip())
    if match:
        yield "magic", match.group(0)


def is_tag(text: str) -> bool:
    """Whether a cell tag belongs to the grammar."""
    return text == "parameters" or text.startswith(("nbprod:", "stage:"))


def _conflict(tags: list[Tag]) -> bool:
    given = [tag.options for tag in tags if tag.options]
    return any(options != given[0] for options in given)


def source_of(raw: Mapping[str, Any]) -> str:
    """Return the text of a cell of the file, there a string or a list of lines."""
    source = raw.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def table(value: Any) -> dict[str, Any]:
    """Return `value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _whole(value: Any) -> int:
    return value if type(value) is int else 0


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _without_mlops(source: str) -> str:
    lines = source.splitlines(keepends=True)
    index = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if not lines or not MAGIC.match(lines[index].rstrip("\r\n")):
        return source
    after = next((line for line in lines[index + 1 :] if line.strip()), "")
    lines[index] = "" if after.startswith("%%") else f"# {lines[index].lstrip()}"
    return "".join(lines)
