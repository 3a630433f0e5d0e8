"""A deployment as self-contained HTML: its steps with seconds, the endpoint, what it answered."""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING, Any

from nbprod.core import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HUB = "JUPYTERHUB_SERVICE_PREFIX"
"""Set where this machine is not the reader's: an address of it leads nowhere there."""


def card(shown: Mapping[str, Any]) -> str:
    """Return what a `DeployView` shows: `status`, `steps`, `endpoint`, `health`, `versions`, `answer`, `error`."""
    endpoint = shown.get("endpoint")
    parts = [words.heading(str(shown["notebook"]), _state(shown), []), _steps(shown["steps"])]
    if endpoint:
        parts += [_endpoint(endpoint), _health(shown.get("health")), _versions(shown.get("versions") or ())]
    elif not shown["steps"]:
        parts.append(f'<p style="margin:4px 0">{words.dim("nothing is deployed from this notebook")}</p>')
    parts += [_answer(shown.get("answer")), words.problem(shown.get("error"))]
    return words.block("deploy", parts)


def plain(shown: Mapping[str, Any]) -> str:
    """Return the same as text."""
    lines = [f"{shown['notebook']} · {_state(shown)}"]
    lines += [f"  {words.state(step['state']):<10} {step['name']}  {_took(step)}".rstrip() for step in shown["steps"]]
    endpoint, answer, error = shown.get("endpoint"), shown.get("answer"), shown.get("error")
    if endpoint:
        lines.append(f"  {words.state(endpoint['state'])}  {endpoint['endpoint']}  {endpoint['url']}")
    if answer:
        lines.append(f"  prediction {answer['prediction']}  {_verdict(answer)}")
    if error:
        lines.append(f"{error.get('code')}  {error.get('message')}")
    return "\n".join(lines)


def reachable(url: str) -> bool:
    """Whether the reader's browser can open an address of this machine."""
    return HUB not in os.environ and url.startswith(("http://", "https://"))


def _state(shown: Mapping[str, Any]) -> str:
    running = next((step["name"] for step in shown["steps"] if step["state"] == "running"), "")
    if running:
        return f"{words.state('running')} {running}"
    endpoint = shown.get("endpoint")
    if endpoint and shown["status"] in ("none", "succeeded"):
        return words.state(endpoint["state"])
    return "○ not deployed" if shown["status"] == "none" else words.state(shown["status"])


def _took(step: Mapping[str, Any]) -> str:
    seconds = step.get("seconds")
    if step["state"] in ("cached", "skipped") or seconds is None:
        return ""
    return f"{seconds} s" if step["state"] == "running" else words.seconds(float(seconds))


def _steps(steps: Sequence[Mapping[str, Any]]) -> str:
    rows = (
        [
            escape(words.state(step["state"])),
            f"stage <b>{escape(step['name'])}</b>" if step.get("stage") else escape(step["name"]),
            escape(_took(step)),
        ]
        for step in steps
    )
    return words.table([], rows, right=[2]) if steps else ""


def _endpoint(endpoint: Mapping[str, Any]) -> str:
    version = f"v{endpoint['version']}" if endpoint.get("version") else "not registered yet"
    url = str(endpoint["url"])
    where = f"<code>{escape(url)}</code>"
    if reachable(url):
        link = '<a href="{0}{1}" target="_blank" rel="noopener">{2}</a>'
        names = ((f"{escape(url)}", "/docs", "docs"), (f"{escape(url)}", "/metrics", "metrics"))
        where += "".join(f" · {link.format(*name)}" for name in names)
    rows = [
        ["endpoint", f"<b>{escape(str(endpoint['endpoint']))}</b> {escape(words.state(str(endpoint['state'])))}"],
        ["model", f"{escape(str(endpoint['model']))} {words.dim(version)}"],
        ["target", escape(str(endpoint["target"]))],
        ["address", where],
    ]
    return words.table([], ([words.dim(name), value] for name, value in rows))


def _health(health: Mapping[str, Any] | None) -> str:
    if not health or not health.get("requests"):
        return ""
    told = [f"{health['requests']} {'request' if health['requests'] == 1 else 'requests'}"]
    told += [f"{health['errors']} errors"] if health.get("errors") else []
    told += [f"half within {health['p50_ms']:.3g} ms"] if health.get("p50_ms") is not None else []
    told += [f"95 % within {health['p95_ms']:.3g} ms"] if health.get("p95_ms") is not None else []
    return f'<p style="margin:2px 0">{words.dim(" · ".join(told))}</p>'


def _versions(versions: Sequence[Mapping[str, Any]]) -> str:
    if len(versions) < 2:
        return ""
    rows = (
        [
            "● serving" if item["current"] else "○ before",
            escape(f"v{item['version']}" if item.get("version") else str(item["model_path"]).rsplit("/", 1)[-1][:8]),
            words.dim(str(item.get("deployed") or "")[:16].replace("T", " ")),
        ]
        for item in versions
    )
    return words.table(["state", "version", "deployed"], rows)


def _answer(answer: Mapping[str, Any] | None) -> str:
    if not answer:
        return ""
    row = ", ".join(f"{name}={value}" for name, value in answer["row"].items())
    chances = answer.get("probabilities")
    more = f" {words.dim(f'probabilities {_numbers(chances)}')}" if chances else ""
    prediction = f"<b>{escape(words.number(answer['prediction']))}</b>{more}"
    return (
        f'<div role="status" aria-live="polite" style="margin:6px 0"><p style="margin:2px 0">prediction {prediction}'
        f" · {escape(_verdict(answer))}</p>"
        f'<p style="margin:2px 0">{words.dim(f"for {row}")}</p></div>'
    )


def _numbers(values: Sequence[Any]) -> str:
    return ", ".join(map(words.number, values))


def _verdict(answer: Mapping[str, Any]) -> str:
    if answer["equal"] is None:
        return "not a recorded row: nothing to compare it with"
    if answer["equal"]:
        return "✓ equal to the notebook's answer"
    return f"✗ the notebook answered {words.number(answer['expected'])}"
