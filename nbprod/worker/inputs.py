"""What a stage starts from: values and state that earlier stages left."""

from __future__ import annotations

import contextlib
import importlib
import sys
from json import loads as from_json  # bound here: cells may patch the module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import snapshot, state
from .buffers import BufferDamaged, Buffers
from .trouble import Boundary, Trouble

if TYPE_CHECKING:
    from .formats import Group, InputSpec, Manifest, StageSpec
    from .memory import Memory

PATHS = ("environ", "cwd", "sys.path")
"""Kinds of state that imports depend on."""


class Inputs:
    """The inputs of one stage.

    Parameters
    ----------
    spec
        The stage.
    namespace
        Where its values go.
    buffers
        Where they are stored.
    memory
        What the process has run before.
    """

    def __init__(self, spec: StageSpec, namespace: dict[str, Any], buffers: Buffers, memory: Memory) -> None:
        self._spec = spec
        self._namespace = namespace
        self._buffers = buffers
        self._memory = memory
        self.groups: list[Group] = []
        self.names: set[str] = set()

    def load(self) -> None:
        """Bind the values; raises `Boundary` or `Trouble` naming the one that is not there."""
        for entry in self._spec["inputs"]:
            self._load(entry)
        if "matplotlib.figure" in sys.modules:  # importing the backend tells the shell how figures are shown
            with contextlib.suppress(ImportError):
                importlib.import_module("matplotlib_inline.backend_inline")

    def restore_paths(self) -> None:
        """Restore what imports depend on, so that replayed imports find what they found in the notebook."""
        for record in self._records():
            some = {kind: value for kind, value in record.items() if kind in PATHS}
            if some:
                state.restore(some, self._namespace, self._buffers)

    def restore_state(self) -> None:
        """Restore all state outside variables, in the order the stages left it."""
        for record in self._records():
            state.restore(record, self._namespace, self._buffers)
        self._memory.restored |= set(self._spec["state"])

    def _records(self) -> list[dict[str, Any]]:
        """Return the records of stages that ran in other processes, but those that a stage run here began from."""
        known = self._memory.left.keys() | self._memory.restored
        others = [path for path in self._spec["state"] if path not in known]
        return [read(path)["state"] for path in others]

    def _load(self, entry: InputSpec) -> None:
        manifest = read(entry["manifest"])
        here = {name for name in entry["names"] if self._memory.holds(entry["manifest"], name, self._namespace)}
        if self._spec.get("alone"):  # what shares objects comes from one place: all of it is here, or none
            for group in manifest["groups"]:
                if not here.issuperset(set(group["names"]) & set(entry["names"])):
                    here -= set(group["names"])
        wanted = [name for name in entry["names"] if name not in here]
        known = {name: group for group in manifest["groups"] for name in group["names"]}
        for name in wanted:
            if name not in known:
                raise Boundary(_missing(name, entry, manifest))
        groups = [group for group in manifest["groups"] if set(group["names"]) & set(entry["names"])]
        for group in groups:
            some = [name for name in group["names"] if name in wanted]
            if some:
                self._load_group(group, some, entry["stage"])
        self.groups += groups
        self.names |= set(entry["names"])

    def _load_group(self, group: Group, names: list[str], stage: str) -> None:
        what = f"{', '.join(names)}, which stage {stage} left,"
        try:
            snapshot.load([group], names, self._namespace, self._buffers)
        except BufferDamaged as error:
            raise Trouble("NB603", f"{what} is damaged in the store: {error}", f"run stage {stage} again") from error
        except Exception as error:
            # Unpickling runs the constructors of whatever was stored.
            reason = f"{type(error).__name__}: {error}"
            raise Boundary(f"{what} cannot be loaded here: {reason}") from error


def read(path: str) -> Manifest:
    """Return the manifest at `path`; raises `Trouble` when it is missing or damaged."""
    try:
        manifest: Manifest = from_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Trouble("NB604", f"the snapshot {path} cannot be read: {error}", "run with --force") from error
    return manifest


def _missing(name: str, entry: InputSpec, manifest: Manifest) -> str:
    stage = entry["stage"]
    if name in manifest["unstorable"]:
        why = manifest["unstorable"][name]
        return f"{name} ({why['type']}) cannot be stored at the end of stage {stage}: {why['reason']}"
    if name in manifest["deleted"]:
        return f"{name} was deleted in stage {stage}"
    return f"stage {stage} left no {name}"
