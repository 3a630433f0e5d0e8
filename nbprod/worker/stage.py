"""One stage, from its inputs to its snapshot; the same code for a driven worker and for a papermill job."""

from __future__ import annotations

import os
import platform
import time
from json import dumps as to_json  # bound here: cells may patch the module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import FORMAT, arrays, compare, constants, hashing, metrics, preload, state, usermlflow
from .buffers import Buffers
from .inputs import Inputs
from .leftovers import leftovers
from .naming import visible
from .observe import Observer
from .outputs import Outputs
from .patched import Watch
from .unseen import Literals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .formats import Manifest, StageSpec, StepSpec
    from .memory import Memory

    Execute = Callable[[int, str, StepSpec], dict[str, Any] | None]


class Stage:
    """A stage being run.

    Parameters
    ----------
    spec
        What to run.
    namespace
        Where to run it: the dict of `__main__`.
    memory
        What this process has run before.
    before
        State outside variables before anything of the notebook ran here; default what it is when the stage begins.
    """

    def __init__(
        self, spec: StageSpec, namespace: dict[str, Any], memory: Memory, before: dict[str, str] | None = None
    ) -> None:
        self.spec = spec
        self.namespace = namespace
        self.memory = memory
        self.buffers = Buffers(spec["buffers"])
        self.inputs = Inputs(spec, namespace, self.buffers, memory)
        self.observer = Observer(spec)
        self._started = self._ready = time.perf_counter()
        self._state = before or {}
        self._outputs: Outputs | None = None
        self._patched: Watch | None = None
        self._literals: Literals | None = None

    def begin(self, execute: Execute | None) -> dict[str, Any] | None:
        """Make the namespace ready for the stage's own cells; returns the `failed` event of a step that failed.

        Without `execute` the parameters and definitions are there already, as in a job.
        """
        if not self.memory.left:  # a stage before it in this process may have changed the folder, as in the notebook
            os.chdir(self.spec["cwd"])
        usermlflow.begin(self.spec["mlflow"])
        # What the parameters cell does to state, such as a seed, is done once and so is the first stage's doing.
        first = not self.spec["state"] and not self.memory.left
        if first and not self._state:
            self._state = state.capture()
        self.inputs.restore_paths()
        failed = self._prelude(execute) if execute is not None else None
        if failed is not None:
            return failed
        self.memory.defined(self.namespace)
        arrays.own_memory(step["source"] for step in self.spec["steps"])
        self.inputs.load()
        self.inputs.restore_state()
        self._outputs = Outputs(self.spec, self.namespace, self.inputs)
        if not first:
            self._state = state.capture()
        self._patched = Watch(self.namespace, self.spec.get("modules", ()))
        self._literals = Literals(self.spec, self.namespace)
        self.observer.start()
        self._ready = time.perf_counter()
        return None

    def run(self, execute: Execute) -> dict[str, Any] | None:
        """Run the stage's own cells; returns the `failed` event of the one that failed."""
        for index, step in enumerate(self.spec["steps"]):
            if step["kind"] == "cell":
                failed = execute(index, self.spec["notebook"], step)
                if failed is not None:
                    return failed
                self.memory.executed(step)
        return None

    def end(self) -> float:
        """Store what the stage left and write its manifest; returns the seconds it all took."""
        assert self._outputs is not None
        assert self._patched is not None
        assert self._literals is not None
        done = time.perf_counter()
        self.observer.stop()
        usermlflow.end()
        self._literals.check()
        groups, unstorable, deleted, unchanged = self._outputs.save(self.buffers)
        record = state.record(self._state, self.namespace, self.buffers)
        unused = preload.unused(self.namespace, self.spec.get("modules", ()))
        patched = self._patched.changed([*self.spec["patches"], *self.spec.get("repeats", ())])
        manifest: Manifest = {
            "format": FORMAT,
            "stage": self.spec["stage"],
            "groups": groups,
            "unstorable": {**unstorable, **leftovers(self.spec, record, patched)},
            "deleted": deleted,
            "unchanged": unchanged,
            "state": record,
            "metrics": metrics.collect(self.spec["metrics"], self.namespace),
            "observed": self.observer.result(self.memory.files, unused),
            "seconds": time.perf_counter() - self._started,
            "timing": self._timing(done),
            "python": platform.python_version(),
        }
        if "digests" in self.spec:
            manifest["digests"] = digests(self.spec["digests"], self.namespace)
        write(Path(self.spec["manifest"]), manifest)
        self.memory.files |= manifest["observed"]["files_written"]
        self.memory.left[self.spec["manifest"]] = {name: id(self.namespace[name]) for name in visible(self.namespace)}
        return time.perf_counter() - self._started

    def _timing(self, done: float) -> dict[str, float]:
        """Return where the seconds went; the cells were `done` then."""
        return {
            "load": self._ready - self._started,
            "cells": done - self._ready,
            "store": time.perf_counter() - done,
        }

    def abandon(self) -> None:
        """Leave a stage that failed."""
        self.observer.stop()
        self.observer.files.release()
        usermlflow.end()

    def _prelude(self, execute: Execute) -> dict[str, Any] | None:
        """Run parameters, overrides and replayed definitions, in this order of the notebook."""
        prelude = [(index, step) for index, step in enumerate(self.spec["steps"]) if step["kind"] != "cell"]
        last = max((index for index, step in prelude if step["kind"] == "parameters"), default=-1)
        for index, step in prelude:
            new = self.memory.remaining(step)
            if new is not None:
                failed = self._observed(execute, index, new)
                if failed is not None:
                    return failed
                self.memory.executed(step)
            if index == last:
                self._override()
            constants.adopt(self.namespace)  # what is made of the literal after this is to hold the adopted one
        return None

    def _observed(self, execute: Execute, index: int, step: StepSpec) -> dict[str, Any] | None:
        self.observer.start()
        try:
            return execute(index, self.spec["notebook"], step)
        finally:
            self.observer.stop()

    def _override(self) -> None:
        """Bind the parameters given for this run, once in a process."""
        for name, source in self.spec["parameters"].items():
            if self.memory.parameters.get(name) != source:
                statement = compile(f"{name} = {source}", f"<parameter {name}>", "exec")
                exec(statement, self.namespace)  # noqa: S102 - a literal that the driver made from -p
                self.memory.parameters[name] = source


def digests(names: Iterable[str], namespace: dict[str, Any]) -> dict[str, list[str]]:
    """Return content, and a line that describes it, of each of `names` that is bound."""
    return {name: [_content(namespace[name]), compare.brief(namespace[name])] for name in names if name in namespace}


def _content(value: object) -> str:
    """Return the digest of a value, nothing where its own code fails: then it is not compared."""
    try:
        return hashing.content(value)
    except Exception:  # noqa: BLE001 - a value's own code may raise anything
        return ""


def write(path: Path, manifest: Manifest) -> None:
    """Write a manifest: whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(to_json(manifest, sort_keys=True), encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
