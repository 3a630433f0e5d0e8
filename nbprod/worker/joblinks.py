"""What the first cells of a job call: find the inputs that earlier jobs left, tell a driver of a cell that fails."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import failure, job, links

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .formats import StageSpec


def begin(
    namespace: dict[str, Any], spec: StageSpec, earlier: Sequence[tuple[str, str]], reads: Sequence[str], root: str
) -> None:
    """Begin an extracted job: load what it reads from what the jobs before it left.

    Parameters
    ----------
    namespace
        The kernel's.
    spec
        The stage, without inputs; paths relative to `root`.
    earlier
        Name and manifest of each stage before it, in order.
    reads
        Names whose value must come from those.
    root
        The folder of the jobs.

    Raises
    ------
    JobFailed
        A job before this one has not run, or left a value that cannot be stored.
    """
    manifests = [_read(Path(root, path), stage) for stage, path in earlier]
    found = links.closure(manifests, reads, spec["references"])
    for name, place in found.items():
        if place.kind == "unstorable":
            why = manifests[place.position]["unstorable"][name]
            text = f"{name}, a {why['type']} made in stage {earlier[place.position][0]}, cannot cross to this stage"
            raise job.JobFailed(f"NB410  {text}: {why['reason']}\n  make {name} in this stage, or join the stages")
    for stage, manifest in zip((stage for stage, _ in earlier), manifests, strict=True):
        for name in filter(links.is_state, manifest["unstorable"]):
            text = (
                f"{name}, left in stage {stage}, cannot cross to this stage: {manifest['unstorable'][name]['reason']}"
            )
            raise job.JobFailed(f"NB410  {text}\n  put both cells into one stage")
    stages, paths = [stage for stage, _ in earlier], [path for _, path in earlier]
    state = [path for path, manifest in zip(paths, manifests, strict=True) if manifest["state"]]
    folder = spec["cwd"] if Path(root, spec["cwd"]).is_dir() else "."
    linked: StageSpec = {**spec, "inputs": links.inputs(found, stages, paths), "state": state, "cwd": folder}
    job.begin(namespace, linked, root)


_ended: set[tuple[str, int]] = set()


def script(namespace: dict[str, Any], place: tuple[str, int], source: str) -> None:
    """Run a part of the script at `place`, file and order: what it raises is shown, and ends it, as under `%run`."""
    if place in _ended:
        return
    try:
        exec(compile(source, place[0], "exec"), namespace)  # noqa: S102 - what the notebook runs
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a script may raise anything
        _ended.add(place)
        failure.trim(error)
        if not isinstance(error, SystemExit) or error.code:
            traceback.print_exception(error)


def watch(path: str) -> None:
    """Prepare the job, and write to `path` what the next failing cell raised: engines keep different parts of it."""
    from IPython import get_ipython

    job.prepare()
    shell = get_ipython()

    def finished(result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            Path(path).write_text(json.dumps(_described(error, result, shell.user_ns)), encoding="utf-8")

    shell.events.register("post_run_cell", finished)


def _described(error: BaseException, result: Any, namespace: dict[str, Any]) -> dict[str, Any]:
    line = error.lineno if isinstance(error, SyntaxError) else None
    entry = error.__traceback__
    while entry is not None:
        if entry.tb_frame.f_globals is namespace and entry.tb_frame.f_code.co_name == "<module>":
            line = entry.tb_lineno + _blank_lines(result.info.raw_cell)
        entry = entry.tb_next
    failure.trim(error)
    lines = "".join(traceback.format_exception(error)).splitlines()
    return {"source": result.info.raw_cell, "line": line, **failure.describe(error, lines)}


def _blank_lines(source: str) -> int:
    """Return how many empty lines a cell begins with: IPython takes them off before it counts."""
    lines = source.splitlines()
    return next((number for number, line in enumerate(lines) if line.strip()), 0)


def _read(path: Path, stage: str) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise job.JobFailed(f"NB411  the job of stage {stage} has not run yet\n  run the jobs in order") from None
    return manifest
