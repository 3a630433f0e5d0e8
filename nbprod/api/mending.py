"""The edits that findings offer, made until none is left; one that would make an error is not made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbprod.core.pipeline import Diagnostic, Pipeline

ROUNDS = 12
"""One edit may make room for the next; as many rounds as any notebook was seen to need, and some."""

Texts = dict[str, str]
Place = tuple[str, str, int | None, int | None, str]


def mend(
    texts: Mapping[str, str],
    analysed: Callable[[Texts], Pipeline],
    wanted: Callable[[Diagnostic], bool] | None = None,
) -> tuple[Texts, tuple[Diagnostic, ...], tuple[str, ...]]:
    """Return the mended texts of notebooks by name, what was mended, and what requirements.txt should get.

    Parameters
    ----------
    texts
        The notebooks as they are.
    analysed
        Makes a pipeline of such texts.
    wanted
        Which findings to mend; default all that offer edits.
    """
    now = dict(texts)
    fixed: dict[Place, Diagnostic] = {}
    requirements: dict[str, None] = {}
    pipeline = analysed(now)
    for _ in range(ROUNDS):
        offered = [
            item
            for item in pipeline.diagnostics
            if {edit.notebook for edit in item.edits} & now.keys() and (wanted is None or wanted(item))
        ]
        chosen, after, later = _sound(now, offered, pipeline, analysed)
        if after == now:
            break
        now, pipeline = after, later
        fixed |= {_place(item): item for item in chosen}
        edits = [edit for item in chosen for edit in item.edits]
        requirements |= dict.fromkeys(edit.new for edit in edits if edit.kind == "requirement")
    return now, tuple(fixed.values()), tuple(requirements)


def changed_cells(before: str, after: str, name: str) -> list[dict[str, Any]]:
    """Return what becomes of each cell that differs: `cell_id`, `source` and `metadata` if changed, `clear_outputs`."""
    from nbprod import notebooks
    from nbprod.notebooks.reading import document, source_of

    ids = [cell.id for cell in notebooks.parse(before, name).cells]
    found: list[dict[str, Any]] = []
    for cell_id, old, new in zip(ids, document(before, name)["cells"], document(after, name)["cells"], strict=True):
        if old == new:
            continue
        entry = {"cell_id": cell_id, "clear_outputs": bool(old.get("outputs")) and not new.get("outputs")}
        if source_of(old) != source_of(new):
            entry["source"] = source_of(new)
        if old.get("metadata") != new.get("metadata"):
            entry["metadata"] = new.get("metadata")
        found.append(entry)
    return found


def _sound(
    texts: Texts, offered: Sequence[Diagnostic], pipeline: Pipeline, analysed: Callable[[Texts], Pipeline]
) -> tuple[Sequence[Diagnostic], Texts, Pipeline]:
    """Return the findings that may be mended without an error, the texts after that, and their pipeline."""
    after = _edited(texts, offered)
    later = analysed(after)
    if len(later.errors) <= len(pipeline.errors):
        return offered, after, later
    chosen: list[Diagnostic] = []
    now = texts
    for item in offered:
        after = _edited(texts, [*chosen, item])
        later = analysed(after)
        if len(later.errors) <= len(pipeline.errors):
            chosen.append(item)
            now = after
    return chosen, now, analysed(now)


def _edited(texts: Texts, items: Sequence[Diagnostic]) -> Texts:
    from nbprod import notebooks

    edits = [edit for item in items for edit in item.edits]
    return {
        name: notebooks.edited(text, name, [edit for edit in edits if edit.notebook == name])
        for name, text in texts.items()
    }


def _place(item: Diagnostic) -> Place:
    return item.code, item.notebook, item.cell, item.line, item.message
