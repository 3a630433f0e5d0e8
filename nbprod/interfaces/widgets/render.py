"""A run as self-contained HTML: its picture, its numbers, what went wrong; no script, no style sheet."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any

from nbprod.core import words
from nbprod.interfaces.widgets.picture import last, passed, picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.core.drawing import Drawing


def page(run: Mapping[str, Any], drawing: Drawing | None = None) -> str:
    """Return a run from the object of `run --json`, complete or as far as it got."""
    notebook = str(run.get("notebook", ""))
    parts = [words.heading(notebook, _state(run), [_seconds(run), _id(run), words.given(run.get("parameters") or {})])]
    if drawing is not None and drawing.boxes:
        parts.append(picture(drawing, run))
        parts.append(_besides(run, {box.name for box in drawing.boxes}))
    parts += [_metrics(run.get("metrics") or {}), _gates(run.get("gates") or ()), _model(run), _notes(run)]
    parts += [words.problem(run.get("error")), _stages(run, folded=drawing is not None)]
    return words.block("run", parts)


def plain(run: Mapping[str, Any]) -> str:
    """Return a run as text, for where no HTML is shown."""
    head = " · ".join(filter(None, [str(run.get("notebook", "")), _state(run), _seconds(run), _id(run)]))
    failed = str((run.get("error") or {}).get("message", ""))
    lines = [
        f"  {words.state(str(stage.get('status'))):<10} {stage.get('name', ''):<16} {passed(stage):<8} "
        f"{words.clip(last(stage, failed), 60)}".rstrip()
        for stage in run.get("stages") or ()
    ]
    if run.get("metrics"):
        lines.append(f"  {words.numbers(run['metrics'])}")
    error = run.get("error")
    if error:
        lines += [f"{error.get('code', '')}  {words.place(error)}{error.get('message', '')}"]
        lines += [f"  {error['hint']}"] if error.get("hint") else []
    return "\n".join([head, *lines])


def _state(run: Mapping[str, Any]) -> str:
    status = str(run.get("status", "none"))
    told = words.state(status)
    running = [str(stage["name"]) for stage in run.get("stages") or () if stage.get("status") == "running"]
    return f"{told} {', '.join(running)}" if running and status == "running" else told


def _seconds(run: Mapping[str, Any]) -> str:
    if run.get("status") == "running":
        return f"{max(0, int(time.time() - float(run.get('began') or time.time())))} s"
    return words.seconds(float(run["seconds"])) if run.get("seconds") else ""


def _id(run: Mapping[str, Any]) -> str:
    return f"run {str(run['run'])[:4]}" if run.get("run") else ""


def _besides(run: Mapping[str, Any], drawn: set[str]) -> str:
    """Return what runs besides the stages: gate, test, the model's checks."""
    others = [stage for stage in run.get("stages") or () if stage.get("name") not in drawn]
    lines = [f"{words.state(str(stage.get('status')))} {stage['name']} {passed(stage)}".strip() for stage in others]
    return f'<p style="margin:4px 0">{escape(" · ".join(lines))}</p>' if lines else ""


def _metrics(metrics: Mapping[str, Any]) -> str:
    rows = ([escape(name), f"<b>{escape(words.number(value))}</b>"] for name, value in metrics.items())
    return words.table([], rows, right=[1]) if metrics else ""


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"{'✓' if gate['held'] else '✗'} gate <code>{escape(str(gate['expression']))}</code> "
        f"{'held' if gate['held'] else 'did not hold'}"
        for gate in gates
    ]
    return "".join(f'<p style="margin:2px 0">{line}</p>' for line in lines)


def _model(run: Mapping[str, Any]) -> str:
    model = run.get("model")
    if not model:
        return ""
    version = f"v{model['version']}" if model.get("version") else "not registered yet"
    return f'<p style="margin:2px 0">model <b>{escape(str(model["name"]))}</b> {words.dim(version)}</p>'


def _notes(run: Mapping[str, Any]) -> str:
    return "".join(f'<p style="margin:2px 0">{words.dim(f"note  {note}")}</p>' for note in run.get("notes") or ())


def _stages(run: Mapping[str, Any], *, folded: bool) -> str:
    """Return the stages as a table: what the picture says, for who cannot see it, and where pictures are taken out."""
    failed = str((run.get("error") or {}).get("message", ""))
    rows = [
        [
            escape(str(stage.get("name", ""))),
            escape(words.state(str(stage.get("status", "pending")))),
            escape(passed(stage)),
            words.dim(words.clip(last(stage, failed), 80)),
        ]
        for stage in run.get("stages") or ()
    ]
    if not rows or run.get("status") == "none":
        return ""
    told = words.table(["stage", "state", "time", "last"], rows, right=[2])
    summary = '<summary style="cursor:pointer">stages as a table</summary>'
    return f'<details style="margin:4px 0">{summary}{told}</details>' if folded else told
