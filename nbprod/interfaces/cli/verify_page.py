"""The HTML report of `verify`: one page that needs nothing else, light and dark, fit for print."""

from __future__ import annotations

import html
import json
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from nbprod.interfaces.cli.screen import seconds
from nbprod.interfaces.cli.verdict import first, grouped, head, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.core.verification import Difference, Verification

MOST_TEXT = 4_000


def page(found: Verification) -> str:
    """Return the report as one HTML document."""
    title = f"{found.notebook}: the pipeline {'equals' if found.equal else 'differs from'} the notebook"
    parts = [
        f"<h1>{_text(found.notebook)}</h1>",
        _state(found),
        f"<p class='soft'>{_text(head(found))}</p>",
        *_differences(found),
        _stages(found),
        _left_out(found),
        _method(found),
    ]
    body = "\n".join(part for part in parts if part)
    template = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    return template.substitute(title=_text(title), body=body)


def _state(found: Verification) -> str:
    if found.equal:
        against = "what its file shows" if found.reused else "it, run top to bottom"
        return f"<p class='state good'>✓ equal <span class='soft'>the pipeline gives the same as {against}</span></p>"
    number = len(found.differences)
    chance = len(found.non_deterministic)
    words = f"{number} difference{'s' if number > 1 else ''}"
    own = f", {chance} of them by chance in the notebook itself" if chance else ""
    return f"<p class='state bad'>✗ differs <span class='soft'>{words}{own}</span></p>"


def _differences(found: Verification) -> list[str]:
    if not found.differences:
        return []
    return ["<h2>Differences, in the order of the notebook</h2>", *(_one(item, found) for item in found.differences)]


def _one(item: Difference, found: Verification) -> str:
    stage = f", stage {_text(item.stage)}" if item.stage else ""
    name = f"what {place(item, found.notebook)} displays" if item.kind == "display" else item.name
    lines = [f"<h3>{_text(name)} <span class='soft'>{_text(place(item, found.notebook))}{stage}</span></h3>"]
    if item.where or item.kind != "display":
        lines.append(f"<p>{_text(first(item))}</p>")
    if any(item.outputs):
        lines.append(_sides(*(_shown(side) for side in item.outputs)))
    else:
        lines.append(_sides(*(f"<pre>{_text(side)}</pre>" for side in (item.notebook, item.pipeline))))
    if item.cause:
        word = "likely cause" if item.deterministic else "cause"
        lines.append(f"<p><span class='soft'>{word}</span> {_text(item.cause)}</p>")
    if item.fix:
        lines.append(f"<p><span class='soft'>fix</span> {_text(item.fix)}</p>")
    return f"<article>{''.join(lines)}</article>"


def _sides(left: str, right: str) -> str:
    return f"<div class='sides'><div><h4>notebook</h4>{left}</div><div><h4>pipeline</h4>{right}</div></div>"


def _shown(outputs: Sequence[Mapping[str, Any]]) -> str:
    """Return what a cell displays: figures as they are, everything else as text (no script of the notebook's runs)."""
    parts = []
    for output in outputs:
        data = output.get("data") or {}
        if output.get("output_type") == "stream":
            parts.append(_pre(output.get("text", "")))
        elif "image/png" in data:
            parts.append(f"<img alt='figure' src='data:image/png;base64,{_text(_joined(data['image/png'])).strip()}'>")
        elif data:
            parts.append(_pre(data.get("text/plain") or json.dumps(data, indent=1, ensure_ascii=False)))
        else:
            parts.append(_pre(f"{output.get('ename')}: {output.get('evalue')}"))
    return "".join(parts) or "<p class='soft'>nothing</p>"


def _pre(text: Any) -> str:
    whole = _joined(text)
    return f"<pre>{_text(whole[:MOST_TEXT] + ('…' if len(whole) > MOST_TEXT else ''))}</pre>"


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _stages(found: Verification) -> str:
    rows = []
    for entry in found.stages:
        unlike = sum(item.stage == entry["stage"] for item in found.differences)
        state = f"<td class='bad'>✗ {unlike}</td>" if unlike else "<td class='good'>✓ none</td>"
        numbers = "".join(f"<td class='number'>{entry[kind]}</td>" for kind in ("values", "displays"))
        rows.append(f"<tr><td>{_text(entry['stage'])}</td>{numbers}{state}</tr>")
    if not rows:
        return ""
    top = "<th>stage</th><th class='number'>values</th><th class='number'>displays</th><th>differences</th>"
    return f"<h2>Compared</h2><table><thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _left_out(found: Verification) -> str:
    rows = []
    for why, items in grouped(found.left_out):
        places = ", ".join(dict.fromkeys(f"{place(item, found.notebook)} {item.name}".strip() for item in items))
        rows.append(f"<tr><td>{_text(places)}</td><td>{_text(why)}</td></tr>")
    if not rows:
        return ""
    top = "<th>what</th><th>why</th>"
    return f"<h2>Left out</h2><table><thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _method(found: Verification) -> str:
    text = (
        f"The notebook ran top to bottom in one process ({seconds(found.notebook_seconds)}), the pipeline with each "
        f"stage in its own ({seconds(found.pipeline_seconds)}), each from scratch in a copy of the folder. All values "
        "that stages read, leave and end with were compared, exactly and with their types, and all that cells display, "
        "but for addresses, random ids and durations."
    )
    if found.reused:
        text = "The pipeline ran in a copy of the folder. What its cells displayed was compared with the saved outputs."
    effects = "".join(f"<li>{_text(line)}</li>" for line in found.effects)
    more = f"<p>It was allowed to change what is elsewhere:</p><ul>{effects}</ul>" if effects else ""
    return f"<h2>Method</h2><p>{_text(text)}</p>{more}"


def _text(value: object) -> str:
    return html.escape(str(value))
