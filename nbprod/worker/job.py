"""A stage as a papermill job: `begin` loads its inputs into the kernel, `end` writes its snapshot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import byimport, fresh, standin, state
from .memory import Memory
from .stage import Stage
from .trouble import Boundary, Trouble

if TYPE_CHECKING:
    from .formats import StageSpec


class JobFailed(Exception):
    """A job cannot go on, and no cell of its author's is to blame."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the message alone."""
        return [str(self)]


_running: list[Stage] = []
_before: dict[str, str] = {}


def prepare() -> None:
    """Remember the state outside variables before the first cell of the job's author runs."""
    fresh.install()
    byimport.watch()
    _before.update(state.capture())


def begin(namespace: dict[str, Any], spec: StageSpec | str, root: str | None = None) -> None:
    """Load a job's inputs; its parameters and definitions have been executed by the cells above.

    Parameters
    ----------
    namespace
        The kernel's, as `globals()` gives it.
    spec
        The stage, or the path of a JSON file with it.
    root
        The folder that relative paths in `spec` start from; default the kernel's current one.

    Raises
    ------
    JobFailed
        A value the stage reads is not there.
    """
    base = Path(root or ".").resolve()
    if isinstance(spec, str):
        found: StageSpec = json.loads((base / spec).read_text(encoding="utf-8"))
        spec = found
    standin.install()
    stage = Stage(resolve(spec, base), namespace, Memory(), _before)
    try:
        stage.begin(None)
    except Boundary as error:
        raise JobFailed(str(error)) from None
    except Trouble as error:
        raise JobFailed(f"{error.code}  {error.message}\n  {error.hint or ''}") from None
    _running[:] = [stage]


def end() -> None:
    """Store what the job's cells left, and write its manifest."""
    if not _running:
        raise JobFailed("begin() was not called in this kernel: run the job from its first cell")
    try:
        _running.pop().end()
    except Boundary as error:
        raise JobFailed(f"{error.code}  {error}\n  {error.hint}") from None


def resolve(spec: StageSpec, base: Path) -> StageSpec:
    """Return `spec` with every path absolute."""
    resolved = spec.copy()
    resolved["inputs"] = [{**entry, "manifest": str(base / entry["manifest"])} for entry in spec["inputs"]]
    resolved["state"] = [str(base / path) for path in spec["state"]]
    resolved["buffers"] = str(base / spec["buffers"])
    resolved["manifest"] = str(base / spec["manifest"])
    resolved["cwd"] = str(base / spec["cwd"])
    return resolved
