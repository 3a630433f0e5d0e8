"""Jobs: a stage as a self-contained notebook that plain papermill runs.

Cells: title; parameters (tagged, so that `papermill -p` works); replayed definitions; `begin`, which loads the inputs;
the stage's own cells; `end`, which stores what they left. The worker's code is copied beside it as `nbprod_worker`.
"""

from __future__ import annotations

import hashlib
import json
import pprint
import shutil
from typing import TYPE_CHECKING, Any

from nbprod.execution.session import FOLDER
from nbprod.store.files import storing, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from nbprod.worker.formats import StageSpec, StepSpec

PACKAGE = "nbprod_worker"
ROOT = 'next(p for p in (__import__("os").getcwd(), {folder!r}) if __import__("os").path.isdir(p + "/nbprod_worker"))'


def notebook(cells: Iterable[dict[str, Any]], metadata: Mapping[str, Any], stage: str, kernel: str) -> dict[str, Any]:
    """Return a job notebook; ids are its own, outputs there are none yet."""
    numbered = [{**cell, "id": f"job-{number}"} for number, cell in enumerate(cells, 1)]
    spec = {**metadata.get("kernelspec", {"display_name": kernel, "language": "python"}), "name": kernel}
    kept = {"kernelspec": spec, "language_info": metadata.get("language_info") or {"name": "python"}}
    return {
        "cells": numbered,
        "metadata": {**kept, "nbprod": {"stage": stage, "job": True}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def cells(
    spec: StageSpec, *, begin: str, prepare: str | None = None, overrides: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the cells of a job.

    Parameters
    ----------
    spec
        The stage; its steps become cells.
    begin
        Source of the cell that loads the inputs.
    prepare
        Source of a first cell, for a driver that watches.
    overrides
        Parameters given for this run, as source; a user of plain papermill gives them with `-p`.
    """
    found = [_markdown(f"# {spec['stage']}\n\nA job of `{spec['notebook']}`, made by nbprod. Run it with papermill.")]
    if prepare:
        found.append(_code(prepare, {"role": "prepare"}))
    given = [(at, step) for at, step in enumerate(spec["steps"]) if step["kind"] == "parameters"]
    if given:
        source = "\n".join(step["source"] for _, step in given)
        found.append(_code(source, _about(given[0], spec), ["parameters"]))
    if overrides:
        lines = ["# Parameters", *(f"{name} = {text}" for name, text in overrides.items())]
        found.append(_code("\n".join(lines), {"role": "overrides"}, ["injected-parameters"]))
    steps = list(enumerate(spec["steps"]))
    found += [cell for item in steps if item[1]["kind"] == "replay" for cell in _step(item, spec)]
    found.append(_code(begin, {"role": "begin"}))
    found += [cell for item in steps if item[1]["kind"] == "cell" for cell in _step(item, spec)]
    end = f"# What the cells above left is stored for the stages after this one.\n{_module('job')}.end()"
    return [*found, _code(end, {"role": "end"})]


def begin_with_inputs(spec: StageSpec) -> str:
    """Return the cell that loads inputs which a driver has found."""
    return f"{_module('job')}.begin(globals(), {_literal({**spec, 'steps': []})})"


def begin_after(spec: StageSpec, earlier: Sequence[tuple[str, str]], reads: Sequence[str], folder: Path) -> str:
    """Return the cell that finds its inputs in what earlier jobs left."""
    root = ROOT.format(folder=str(folder))
    return (
        "# Inputs of this stage, from what the jobs before it left in data/.\n"
        f"{_module('joblinks')}.begin(\n    globals(),\n    {_indented(_literal({**spec, 'steps': []}))},\n"
        f"    earlier={_literal(list(earlier))},\n    reads={_literal(list(reads))},\n    root={root},\n)"
    )


def prepare(folder: Path, failed: Path) -> str:
    """Return a first cell that makes the worker importable and watches for a failing cell."""
    return f'__import__("sys").path.insert(0, {str(folder)!r})\n{_module("joblinks")}.watch({str(failed)!r})'


def prepare_alone(folder: Path) -> str:
    """Return a first cell that makes the worker importable, wherever the jobs are by now."""
    root = ROOT.format(folder=str(folder))
    return f'__import__("sys").path.insert(0, {root})\n{_module("job")}.prepare()'


def write(path: Path, content: Mapping[str, Any]) -> Path:
    """Write a job notebook, atomically."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def copy_worker(folder: Path) -> Path:
    """Copy the worker's code to `folder/nbprod_worker`, whole or not at all, and return `folder`."""
    target = folder / PACKAGE
    if not target.exists():
        draft = folder / f".{PACKAGE}.{hashlib.sha256(str(id(folder)).encode()).hexdigest()[:8]}"
        with storing(target):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(FOLDER, draft, ignore=shutil.ignore_patterns("__pycache__", "__main__.py"))
            try:
                draft.rename(target)
            except OSError:
                shutil.rmtree(draft, ignore_errors=True)
                if not target.exists():
                    raise
    return folder


def worker_version() -> str:
    """Return a digest of the worker's files, by name, size and time."""
    stats = [(path.name, path.stat()) for path in sorted(FOLDER.glob("*.py"))]
    text = repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _module(name: str) -> str:
    return f'__import__("importlib").import_module("{PACKAGE}.{name}")'


def _about(step: tuple[int, StepSpec], spec: StageSpec) -> dict[str, Any]:
    index, content = step
    return {"stage": spec["stage"], "cell": content["cell"], "kind": content["kind"], "index": index}


def _step(item: tuple[int, StepSpec], spec: StageSpec) -> list[dict[str, Any]]:
    """Return the cell of a step; one that `%run` brought in finds its arguments, and the modules beside its file."""
    step = item[1]
    source, argv = step["source"], step.get("argv", [])
    if step.get("tolerant") and argv:
        place = step.get("notebook", ""), step.get("order", 0)
        source = f"{_module('joblinks')}.script(\n    globals(),\n    {place!r},\n    {_indented(_literal(source))},\n)"
    cell = _code(source, _about(item, spec))
    script, folder = argv[:1] and argv[0].endswith(".py"), argv[0].rpartition("/")[0] if argv else ""
    if not folder and not (script and (len(argv) > 1 or "arg" in step["source"])):
        return [cell]
    begin = ["import sys as _sys", "_sys.before_run = _sys.argv, _sys.path[:]"]
    begin += [f"_sys.argv = {list(argv)!r}"] if script else []
    begin += [f"_sys.path.insert(0, {folder!r})"] if folder else []
    end = "import sys as _sys\n_sys.argv, _sys.path[:] = _sys.before_run\ndel _sys"
    about = {"role": "run"}
    return [_code("\n".join([*begin, "del _sys"]), about), cell, _code(end, about)]


def _code(source: str, about: dict[str, Any], tags: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {"nbprod": about, "tags": list(tags)},
        "source": source.splitlines(keepends=True),
        "execution_count": None,
        "outputs": [],
    }


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def _literal(value: Any) -> str:
    return pprint.pformat(value, width=110, sort_dicts=False)


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
