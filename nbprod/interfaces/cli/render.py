"""How results look in a terminal (UX.md): calm, exact, short; state by icon and word, never by colour alone."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from nbprod.interfaces.cli.screen import Part, Screen, seconds, stage_colour

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from nbprod.analysis import Readiness, Suggestion
    from nbprod.api import CheckResult
    from nbprod.core.errors import ExecutionError, NbprodError
    from nbprod.core.model import Endpoint
    from nbprod.core.pipeline import Diagnostic
    from nbprod.core.run import Run, StageRun

ICONS = {
    "succeeded": ("✓", "green"),
    "cached": ("≡", "blue"),
    "failed": ("✗", "red"),
    "pruned": ("✂", "yellow"),
    "skipped": ("-", "dim"),
    "interrupted": ("!", "yellow"),
    "running": ("◐", "yellow"),
    "pending": ("○", "dim"),
}
SEVERITIES = {"error": ("error", "bold red"), "warning": ("warn ", "yellow"), "info": ("info ", "blue")}
NAMES_SHOWN = 6


def error(screen: Screen, problem: NbprodError) -> None:
    """Print what happened, where, and the one thing to do next."""
    refused = [item for item in getattr(problem, "diagnostics", ()) if item.severity == "error"]
    if refused:
        for item in refused:
            diagnostic(screen, item)
        return
    where = f"{problem.where}  " if problem.where else ""
    screen.line(("error ", "bold red"), f"{problem.code}  {where}{problem.message}")
    if problem.hint:
        screen.line(f"      {problem.hint}")


def diagnostic(screen: Screen, item: Diagnostic, source: str | None = None, *, elsewhere: bool = False) -> None:
    """Print one finding with its line of code and its fix; `elsewhere`: not in the notebook that was asked about."""
    word, style = SEVERITIES[item.severity]
    place = f"cell {item.cell}" if item.cell else ""
    place += f"{' ' * bool(item.cell)}line {item.line}" if item.line else ""
    place = f"{item.notebook} {place}" if elsewhere else place
    screen.line((f"{word} ", style), f"{item.code}  {place:<14} {item.message}")
    if source is not None:
        screen.line(f"             {source}")
        start, end = _span(item, source)
        if end > start:
            screen.line(" " * (13 + start), ("^" * (end - start), style))
    if item.fix:
        screen.line(f"             {item.fix}")


def _span(item: Diagnostic, source: str) -> tuple[int, int]:
    """Return the columns to underline: the finding's own, else the name that its message quotes."""
    if item.column is not None:
        return item.column, item.end_column or item.column + 1
    quoted = re.search(r"`(\w+)`", item.message)
    found = re.search(rf"\b{quoted[1]}\b", source) if quoted else None
    return found.span() if found else (0, 0)


def check(screen: Screen, found: CheckResult) -> None:
    """Print what was mended, all findings, a count and the readiness."""
    for line in found.diff:
        screen.line((line, {"+": "green", "-": "red"}.get(line[:1], "dim")))
    if found.fixed is not None:
        screen.line(f"{counted(len(found.fixed), 'finding')} mended")
    several = len(found.pipeline.notebooks) > 1
    for item in found.pipeline.diagnostics:
        diagnostic(screen, item, found.line(item), elsewhere=several or item.notebook != found.pipeline.notebook)
        if item.edits:
            screen.line("             nbprod check --fix does it")
    counts = {kind: sum(item.severity == kind for item in found.pipeline.diagnostics) for kind in SEVERITIES}
    words = [counted(counts["error"], "error"), counted(counts["warning"], "warning")]
    tail = f" · nbprod check --explain {found.pipeline.diagnostics[0].code}" if found.pipeline.diagnostics else ""
    screen.line(f"{', '.join(words)} · readiness {found.readiness.percent} %{tail}")
    readiness(screen, found.readiness)


def readiness(screen: Screen, found: Readiness) -> None:
    """Print the bar, what is missing, and the next command."""
    done = found.percent // 10
    missing = f" missing: {', '.join(found.missing)}" if found.missing else " ready for production"
    screen.line(("▰" * done, "green"), ("▱" * (10 - done), "dim"), missing)
    if found.next is not None:
        screen.line(f"next: {found.next.next}")


def suggestion(screen: Screen, found: Suggestion, *, applied: bool) -> None:
    """Print each cell with its proposal and the reason, and what crosses between the stages."""
    names = tuple(stage.name for stage in found.pipeline.stages)
    screen.line((f"{found.notebook} · {counted(len(found.cells), 'code cell')}", "bold"))
    screen.line("")
    for item in found.cells:
        role = (item.tag.stage or item.tag.role) if item.tag else "-"
        style = stage_colour(names, role) if role in names else "dim"
        screen.line(f"  cell {item.cell:<4} ", (f"{role:<16}", style), f" {item.reason}")
    screen.line("")
    for stage in found.pipeline.stages if found.tags else ():
        takes = f"takes {names_of(stage.reads)}" if stage.reads else "takes nothing"
        screen.line("  ", (f"{stage.name:<16}", stage_colour(names, stage.name)), f" {takes}")
    for note in (*found.notes, *(f"{item.code} {item.message}" for item in found.pipeline.errors)):
        screen.line(("  note  ", "dim"), note)
    name = shlex.quote(found.notebook)
    if not found.tags:
        screen.line("nothing to tag")
    elif applied:
        screen.line(f"{counted(len(found.tags), 'cell')} tagged · next: nbprod run {name}")
    else:
        screen.line(f"nothing is written yet: nbprod suggest {name} --apply")


def counted(number: int, word: str) -> str:
    """Return `1 stage` or `5 stages`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def stage_line(names: tuple[str, ...], name: str, data: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a stage's line: icon, name, seconds or word, what it left, metrics."""
    status = str(data.get("status", "succeeded"))
    icon, style = ICONS.get(status, ("·", "white"))
    took = seconds(float(data.get("seconds", 0.0))) if status == "succeeded" else status
    parts: list[Part] = [(f"  {icon} ", style), (f"{name:<12}", stage_colour(names, name)), f" {took:<9}"]
    if status in ("cached", "skipped", "failed"):
        return [*parts, (f" {data.get('reason', '')}", "dim")]
    shown = metrics(data.get("metrics", {})) or names_of(data.get("outputs", ()))
    return [*parts, f" {shown}"]


def metrics(values: Mapping[str, float]) -> str:
    """Return `accuracy 0.914 · roc_auc 0.962`."""
    return " · ".join(f"{name} {value:.3g}" for name, value in values.items())


def names_of(outputs: Sequence[str]) -> str:
    """Return the first names and how many more."""
    more = f" and {len(outputs) - NAMES_SHOWN} more" if len(outputs) > NAMES_SHOWN else ""
    return ", ".join(outputs[:NAMES_SHOWN]) + more


def finished(screen: Screen, run: Run, told: Collection[str] = ()) -> None:
    """Print what a run left: gates, notes but those that were `told` as it went on, its id and seconds, the model."""
    for gate in run.gates:
        icon, style = ("held", "green") if gate.held else ("did not hold", "bold red")
        screen.line(f"  gate {gate.expression} ", (icon, style), f"  {gate.detail}" if gate.detail else "")
    for note in run.notes:
        if note not in told:
            screen.line(("  note  ", "dim"), note)
    screen.line("")
    screen.line(f"  run      {run.id[:4]} · {seconds(run.seconds)} · MLflow: nbprod mlflow")
    if run.model is not None:
        version = f" v{run.model.version}" if run.model.version else ""
        screen.line(f"  model    {run.model.name}{version} (candidate) · {run.model.path}")


def failure(screen: Screen, problem: ExecutionError, path: str) -> None:
    """Print the user's own traceback, the executed notebook, and how to resume."""
    import sys

    out = Screen(stream=sys.stderr, quiet=False)
    traceback = getattr(problem, "traceback", None)
    if traceback:
        out.line("")
        for line in traceback:
            out.line(f"  {line}")
    error(out, problem)
    failed = _failed(problem.run)
    if failed is not None:
        if failed.notebook and failed.notebook not in (problem.hint or ""):
            out.line(f"      executed notebook: {failed.notebook}")
        screen.line(f"      finished stages are kept: nbprod run {path} continues at {failed.name}")


def _failed(run: Run | None) -> StageRun | None:
    return next((stage for stage in run.stages if str(stage.status) == "failed"), None) if run else None


def run_row(screen: Screen, run: Run) -> None:
    """Print a run in one line."""
    icon, style = ICONS.get(str(run.status), ("·", "white"))
    head = f"{run.id[:8]}  {run.started:<20}  {run.notebook:<28} {seconds(run.seconds):>8}"
    screen.line((f"{icon} {run.status!s:<12}", style), f" {head}  {metrics(run.metrics)}")


def endpoint_row(screen: Screen, item: Endpoint) -> None:
    """Print an endpoint in one line."""
    icon, style = ("●", "green") if item.state == "healthy" else ("○", "red")
    version = f"v{item.version}" if item.version else ""
    screen.line((f"{icon} {item.state:<10}", style), f" {item.endpoint:<16} {version:<6} {item.target:<8} {item.url}")
