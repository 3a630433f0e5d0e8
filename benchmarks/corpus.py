"""Real notebooks by other people, cut into stages: compiled, refused (why), equal, seconds.

`make corpus DIR=…` or `python benchmarks/corpus.py DIR [--kernel NAME] [--cut headings|random|tags] [--out FILE]`. A
folder of DIR is a project; each notebook is cut, run top to bottom by plain Jupyter, and judged by `nbprod verify`,
in a copy of its project. One at a time; nothing in DIR changes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from corpus_cuts import cut

JUPYTER = """
import sys, nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
book = nbformat.read(sys.argv[1], 4)
client = NotebookClient(book, timeout=None, resources={"metadata": {"path": sys.argv[2]}})
try:
    client.execute()
except CellExecutionError as error:
    number = next(at for at, cell in enumerate(book.cells, 1) if cell.get("execution_count") is None
                  and cell.cell_type == "code" and cell.source.strip() or any(
                  o.output_type == "error" for o in cell.get("outputs", [])))
    sys.exit(f"cell {number}: {error.ename}: {error.evalue}")
"""
ANALYZE = """
import json, pathlib, sys, tempfile, time, nbprod
with tempfile.TemporaryDirectory() as folder:
    warm = pathlib.Path(folder, "warm.ipynb")
    cell = {"cell_type": "code", "source": "%time x = 1", "metadata": {}, "outputs": [], "execution_count": None}
    warm.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}))
    nbprod.analyze(warm)
begin = time.perf_counter()
try:
    nbprod.analyze(sys.argv[1])
finally:
    print((time.perf_counter() - begin) * 1000)
"""
SEEDS = "import random\nimport numpy\nrandom.seed(0)\nnumpy.random.seed(0)"
ENV = {**os.environ, "NBPROD_TRACKING": "none", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
OURS = ("crash", "fails", "differs", "timeout")
LEFT = (".git", ".nbprod", ".ipynb_checkpoints", "__pycache__")


@dataclass(frozen=True)
class Row:
    """What became of one notebook.

    Attributes
    ----------
    verdict
        `equal`; `refused`; `chance` (the notebook differs from itself, says `verify`); `not run` (plain Jupyter does
        not run it here either); and what is a fault of nbprod's until shown otherwise: `differs`, `fails` (Jupyter runs
        it, nbprod does not), `crash`, `timeout`.
    why
        Code, cell, line and fix; or the difference.
    seconds
        Of Jupyter, of `verify`; and milliseconds of the analysis.
    """

    project: str
    path: str
    cut: str
    commit: str = ""
    stages: int = 0
    verdict: str = "crash"
    why: str = ""
    jupyter: float = 0.0
    verify: float = 0.0
    analysis_ms: float = 0.0


@dataclass(frozen=True)
class Ended:
    """A process that ended by itself, or was ended (`code` is None)."""

    code: int | None
    out: str
    err: str
    seconds: float


def process(words: list[str], folder: Path, timeout: float) -> Ended:
    """Run a command in a session of its own; past `timeout` its whole group is ended."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = subprocess.Popen(words, cwd=folder, env=ENV, stdout=out, stderr=err, start_new_session=True)
        try:
            code: int | None = started.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(started.pid, kind)
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(5)
        took = time.perf_counter() - begin
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    return Ended(code, *texts, took)


def judge(row: Row, project: Path, asked: argparse.Namespace) -> Row:
    """Return the row with its verdict, from a copy of the project."""
    with tempfile.TemporaryDirectory(prefix="corpus-", ignore_cleanup_errors=True) as place:
        folder = Path(place).resolve() / project.name
        shutil.copytree(project, folder, symlinks=True, ignore=shutil.ignore_patterns(*LEFT))
        (folder / ".nbprod").mkdir()
        file = folder / row.path
        try:
            stages = _prepare(file, asked)
        except Exception as error:  # noqa: BLE001 - a file nobody can read is a row too
            return replace(row, verdict="not run", why=f"unreadable: {error}".splitlines()[0][:300])
        row = replace(row, stages=stages)
        row = _jupyter(row, folder, file, asked.timeout)
        return row if row.verdict == "not run" else _nbprod(row, file, asked.timeout)


def judge_seeded(row: Row, project: Path, asked: argparse.Namespace) -> Row:
    """Return the row, judged once more with its generators seeded if it differs: it may differ from itself."""
    if row.verdict not in ("differs", "chance") or asked.seeds:
        return row
    again = judge(replace(row, verdict="crash"), project, argparse.Namespace(**{**vars(asked), "seeds": True}))
    return replace(again, cut=f"{row.cut}, seeded") if again.verdict == "equal" else row


def _prepare(file: Path, asked: argparse.Namespace) -> int:
    """Write the notebook as today's format without outputs, with its kernel and tags; returns how many stages."""
    import nbformat

    book = nbformat.read(file, 4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    book.metadata["kernelspec"] = {"name": asked.kernel, "display_name": asked.kernel, "language": "python"}
    if asked.seeds:
        book.cells.insert(0, nbformat.v4.new_code_cell(SEEDS))
    stages = cut(book.cells, asked.cut, asked.seed)
    _, book = nbformat.validator.normalize(book)
    nbformat.write(book, file)
    return stages


def _jupyter(row: Row, folder: Path, file: Path, timeout: float) -> Row:
    """Run the notebook in a copy of the copy, so that `verify` starts from the same files."""
    with tempfile.TemporaryDirectory(prefix="corpus-plain-", ignore_cleanup_errors=True) as place:
        copy = Path(place) / folder.name
        shutil.copytree(folder, copy, symlinks=True)
        within = copy / file.relative_to(folder)
        done = process([sys.executable, "-c", JUPYTER, str(within), str(within.parent)], within.parent, timeout)
    if done.code == 0:
        return replace(row, jupyter=done.seconds)
    why = f"no end within {timeout:.0f} s" if done.code is None else _last(done.err)
    return replace(row, verdict="not run", why=why, jupyter=done.seconds)


def _nbprod(row: Row, file: Path, timeout: float) -> Row:
    ours = [sys.executable, "-m", "nbprod"]
    timed = process([sys.executable, "-c", ANALYZE, str(file)], file.parent, timeout)
    with contextlib.suppress(ValueError, IndexError):
        row = replace(row, analysis_ms=float(timed.out.split()[-1]))
    check = process([*ours, "check", file.name, "--json"], file.parent, timeout)
    errors = [item for item in _object(check).get("diagnostics", []) if item["severity"] == "error"]
    if errors:
        first = errors[0]
        place = f"cell {first['cell']} line {first['line']}"
        return replace(row, verdict="refused", why=f"{first['code']} {place}: {first['message']} | {first['fix']}")
    done = process([*ours, "verify", file.name, "--json", "--yes"], file.parent, 4 * timeout)
    verdict, why = _verdict(done)
    return replace(row, verdict=verdict, why=why, verify=done.seconds)


def _verdict(done: Ended) -> tuple[str, str]:
    found = _object(done)
    if done.code is None:
        return "timeout", _last(done.err)
    if "Traceback (most recent call last)" in done.err or not found:
        return "crash", _last(done.err)
    if "equal" in found:
        return _compared(found)
    error = found["error"]
    where = error["where"] or {}
    why = f"{error['code']} cell {where.get('cell')} line {where.get('line')}: {error['message']} | {error['hint']}"
    refused = error["code"].startswith(("NB1", "NB2", "NB3", "NB41"))
    return "refused" if refused else "fails", why


def _compared(found: dict[str, Any]) -> tuple[str, str]:
    if found["equal"]:
        return "equal", ""
    chance = all(str(item["cause"]).startswith("not deterministic") for item in found["differences"])
    return "chance" if chance else "differs", _differences(found)


def _differences(found: dict[str, Any]) -> str:
    first = found["differences"][0]
    names = ", ".join(item["name"] for item in found["differences"])
    return f"{names}; cell {first['cell']}: {first['notebook'][:150]} / {first['pipeline'][:150]}; {first['cause']}"


def _object(done: Ended) -> dict[str, Any]:
    try:
        found = json.loads(done.out)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _last(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else ""


def notebooks(asked: argparse.Namespace) -> list[tuple[Path, str]]:
    """Return project folder and path within it of every notebook of the folder."""
    found = []
    for path in sorted(asked.folder.rglob("*.ipynb")):
        parts = path.relative_to(asked.folder).parts
        if any(part in LEFT for part in parts) or (asked.only and asked.only not in str(path)):
            continue
        project = asked.folder / parts[0] if len(parts) > 1 else asked.folder
        found.append((project, path.relative_to(project).as_posix()))
    return found


def commit(project: Path) -> str:
    """Return which version of the project this is: its `.commit` file, or what git says."""
    if (project / ".commit").is_file():
        return (project / ".commit").read_text(encoding="utf-8").strip()[:10]
    if not (project / ".git").exists():
        return ""
    return process(["git", "rev-parse", "--short=10", "HEAD"], project, 10).out.strip()


def table(rows: list[Row]) -> str:
    """Return the rows as a table of markdown."""
    heads = ("project", "notebook", "commit", "cut", "verdict", "why", "Jupyter s", "verify s", "analysis ms")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        why = row.why.replace("|", "·").replace("\n", " ")
        head = f"| {row.project} | {row.path} | {row.commit} | {row.cut}: {row.stages} | {row.verdict} | {why} "
        lines.append(f"{head}| {row.jupyter:.1f} | {row.verify:.1f} | {row.analysis_ms:.0f} |")
    return "\n".join(lines)


def summary(rows: list[Row]) -> str:
    """Return how many have which verdict, and how many of those that run at all are equal."""
    run = [row for row in rows if row.verdict != "not run"]
    counts = {kind: sum(row.verdict == kind for row in rows) for kind in dict.fromkeys(row.verdict for row in rows)}
    equal = sum(row.verdict == "equal" for row in run)
    text = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    return f"{len(rows)} notebooks: {text}; equal: {equal} of the {len(run)} that run at all"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=lambda text: Path(text).resolve())
    parser.add_argument("--kernel", default="python3", help="kernel that runs all of them")
    parser.add_argument("--cut", choices=("headings", "random", "tags"), default="headings")
    parser.add_argument("--seed", type=int, default=0, help="for --cut random")
    parser.add_argument("--seeds", action="store_true", help="seed the global generators in a first cell")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a notebook may take in plain Jupyter")
    parser.add_argument("--only", help="text that the path must have")
    parser.add_argument("--out", type=Path, help="FILE: rows as JSON lines here, and the table beside it as .md")
    parser.add_argument("--resume", action="store_true", help="keep the rows of FILE that are no fault of nbprod's")
    return parser.parse_args()


def kept(asked: argparse.Namespace) -> dict[tuple[str, str], Row]:
    """Return the rows of an earlier pass that need no second look."""
    if not (asked.resume and asked.out and asked.out.exists()):
        return {}
    rows = [Row(**json.loads(line)) for line in asked.out.read_text(encoding="utf-8").splitlines()]
    return {(row.project, row.path): row for row in rows}


def save(rows: list[Row], file: Path) -> None:
    file.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")
    file.with_suffix(".md").write_text(f"{summary(rows)}\n\n{table(rows)}\n", encoding="utf-8")


def main() -> int:
    asked = arguments()
    rows = kept(asked)
    for project, path in notebooks(asked):
        known = rows.get((project.name, path))
        if known is not None and known.verdict not in OURS:
            continue
        row = judge(Row(project.name, path, asked.cut, commit(project)), project, asked)
        row = judge_seeded(row, project, asked)
        rows[project.name, path] = row
        print(
            f"{row.verdict:<8} {row.project}/{row.path}  {row.jupyter:.1f} s, {row.verify:.1f} s  {row.why}", flush=True
        )
        if asked.out:
            save([rows[key] for key in sorted(rows)], asked.out)
    print(summary(list(rows.values())))
    return 1 if any(row.verdict in OURS for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
