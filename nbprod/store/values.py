"""Values of a run, read back from the snapshots its ledger trusts."""

from __future__ import annotations

import ast
import json
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import MissingValue, StoreError
from nbprod.store.ledger import Ledger, load_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbprod.store.ledger import Snapshot


class Values:
    """Reads values of one run; those read from one point of it live in one namespace, so that aliases are kept.

    Parameters
    ----------
    run
        The run's id, for messages.
    home
        The project's home: its ledger says which manifests may be trusted.
    stages
        Name and manifest of each stage, in order; None where the stage left no snapshot.
    folder
        The notebook's folder, importable while definitions are replayed.
    """

    def __init__(self, run: str, home: Path, stages: Sequence[tuple[str, Path | None]], folder: Path) -> None:
        self.run = run
        self.home = home
        self.stages = tuple(stages)
        self.folder = folder
        self._views: dict[int, _View] = {}
        self._entries: list[tuple[Snapshot, dict[str, Any]] | None] | None = None

    def final(self, name: str) -> object:
        """Return the value after the last cell that wrote it; raises `MissingValue` with the reason."""
        return self._view(len(self.stages)).value(name)

    def at(self, stage: str, name: str) -> object:
        """Return the value at that stage's end; raises `MissingValue` with the reason."""
        position = [known for known, _ in self.stages].index(stage)
        return self._view(position + 1).value(name)

    def names(self) -> tuple[str, ...]:
        """Return the names that have a final value, sorted."""
        return self._view(len(self.stages)).names()

    def definitions(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Return all that the run could have replayed, in order, and the sources of its parameters."""
        try:
            found = json.loads((self.home / "runs" / self.run / "definitions.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return [], {}
        return found["steps"], found["parameters"]

    def gone(self) -> list[str]:
        """Return the stages that left a snapshot which is no longer in the store."""
        pairs = zip(self.stages, self._loaded(), strict=True)
        return [stage for (stage, path), entry in pairs if path is not None and entry is None]

    def _view(self, length: int) -> _View:
        if length not in self._views:
            entries = [entry for entry in self._loaded()[:length] if entry is not None]
            self._views[length] = _View(self, entries)
        return self._views[length]

    def _loaded(self) -> list[tuple[Snapshot, dict[str, Any]] | None]:
        if self._entries is None:
            with Ledger(self.home) as ledger:
                self._entries = [self._entry(ledger, manifest) for _, manifest in self.stages]
        return self._entries

    @staticmethod
    def _entry(ledger: Ledger, path: Path | None) -> tuple[Snapshot, dict[str, Any]] | None:
        snapshot = ledger.snapshot(path) if path else None
        manifest = load_manifest(snapshot) if snapshot else None
        return (snapshot, manifest) if snapshot and manifest else None


class _View:
    """The notebook's namespace at one point of a run, filled as values are asked for."""

    def __init__(self, values: Values, entries: Sequence[tuple[Snapshot, dict[str, Any]]]) -> None:
        self.values = values
        self.entries = entries
        self.module = ModuleType("__main__")
        self.bound: set[str] = set()
        self._replayed: set[tuple[int, int, str]] = set()

    def value(self, name: str) -> object:
        if name not in self.bound:
            self._load(name)
        return self.module.__dict__[name]

    def names(self) -> tuple[str, ...]:
        stored = {name for _, manifest in self.entries for group in manifest["groups"] for name in group["names"]}
        return tuple(sorted(name for name in stored if self._find(name) is not None))

    def _find(self, name: str) -> tuple[int, dict[str, Any]] | None:
        """Return the last snapshot (its position) and group that hold `name`; None when deleted, unstorable, absent."""
        for position in range(len(self.entries) - 1, -1, -1):
            manifest = self.entries[position][1]
            if name in manifest["unstorable"] or name in manifest["deleted"]:
                return None
            for group in manifest["groups"]:
                if name in group["names"]:
                    return position, group
        return None

    def _load(self, name: str) -> None:
        found = self._find(name)
        if found is None:
            self._define(name)
            return
        position, group = found
        if group["references"] or group["needs"]:
            self._replay(*self._kept(self.entries[position][0]))
        # members of the group that a later stage rebound are another value by now
        current = [other for other in group["names"] if self._is_at(other, position)]
        self._bind(name, position, group, current)
        for needed in group["needs"]:
            if needed not in self.bound and self._find(needed) is not None:
                self._load(needed)

    def _is_at(self, name: str, position: int) -> bool:
        found = self._find(name)
        return found is not None and found[0] == position

    def _fetch(self, name: str, group: dict[str, Any], position: int) -> None:
        """Fetch what another machine left and nobody here needed until now."""
        url = self.entries[position][0].facts.get("store")
        if url:
            from nbprod.store import shared

            if shared.fetch(url, self.values.home, [group["skeleton"], *group["buffers"]]):
                text = f"{name} of run {self.values.run} is no longer in the store {url}"
                raise MissingValue("NB632", text, "run the notebook again")

    def _bind(self, name: str, position: int, group: dict[str, Any], names: Sequence[str]) -> None:
        from nbprod.worker import snapshot
        from nbprod.worker.buffers import Buffers

        self._fetch(name, group, position)
        self.bound.update(names)
        try:
            sys.path.insert(0, str(self.values.folder))
            try:
                snapshot.load([group], list(names), self.module.__dict__, Buffers(str(self.values.home / "buffers")))  # type: ignore[list-item]  # a Group read from JSON
            finally:
                sys.path.remove(str(self.values.folder))
        except Exception as error:  # unpickling runs the user's classes: whatever it raises is the reason
            self.bound.difference_update(names)
            hint = "run the notebook again, or read the value with the notebook's own Python"
            raise MissingValue(
                "NB615", f"{name} of run {self.values.run} cannot be loaded here: {_brief(error)}", hint
            ) from error

    def _define(self, name: str) -> None:
        """Bind a name that is not stored because every stage that reads it defines it again."""
        for snapshot, manifest in reversed(self.entries):
            if name in manifest["unstorable"] or name in manifest["deleted"]:
                break
            self._replay(*self._kept(snapshot))
            if name in self.module.__dict__ and not name.startswith("__"):
                self.bound.add(name)
                return
        else:
            steps, parameters = self.values.definitions()
            last = max((at for at, step in enumerate(steps) if name in step["names"]), default=-1)
            if last >= 0:  # no stage needed it
                beside = [step for step in steps[last + 1 :] if step["kind"] == "parameters"]
                before = [step for step in steps[: last + 1] if not self._stored(step)]
                self._replay([*before, *beside], parameters)
                self.bound.add(name)
                return
        raise self._missing(name)

    def _stored(self, step: Mapping[str, Any]) -> bool:
        """Load what a step defines if that is stored, for what is defined by means of it to be one with it."""
        found = [name for name in step["names"] if self._find(name) is not None]
        for name in found:
            if name not in self.bound:
                self._load(name)
        return bool(found) and len(found) == len(step["names"])

    def _kept(self, snapshot: Snapshot) -> tuple[Sequence[Mapping[str, Any]], dict[str, str]]:
        """Return what a stage had replayed, and its parameters but those that others were computed from."""
        overrides = self.values.definitions()[1]
        given = snapshot.facts.get("parts", {}).get("parameters", {})
        known = {name: source for name, source in given.items() if name in overrides or _literal(source)}
        return snapshot.facts.get("definitions", ()), {**known, **overrides}

    def _replay(self, definitions: Sequence[Mapping[str, Any]], parameters: Mapping[str, str]) -> None:
        """Execute replayed steps, each piece once, with the parameters of that run."""
        pieces = [step for step in definitions if _key(step) not in self._replayed]
        if not pieces:
            return
        before = dict(self.module.__dict__)
        replay(pieces, parameters, self.module, self.values.folder)
        # what is there already may be part of other values: another cut of the same cell makes it no second time
        self.module.__dict__.update(before)
        self._replayed.update(_key(step) for step in pieces)

    def _missing(self, name: str) -> MissingValue:
        run = self.values.run
        for snapshot, manifest in reversed(self.entries):
            if name in manifest["unstorable"]:
                why = manifest["unstorable"][name]
                text = f"{name} of run {run} was not kept: a {why['type']} cannot be stored ({why['reason']})"
                return MissingValue("NB612", text, f"read it inside stage {snapshot.stage}")
            if name in manifest["deleted"]:
                return MissingValue("NB613", f"{name} of run {run} was deleted by stage {snapshot.stage}")
        import difflib

        gone = self.values.gone()
        if gone:
            text = f"run {run} has no value {name} any more: the snapshot of stage {gone[0]} was removed from the store"
            return MissingValue("NB629", text, "run the notebook again")
        near = difflib.get_close_matches(name, self.names(), 3) or self.names()[:8]
        hint = f"names there: {', '.join(near)}" if near else None
        return MissingValue("NB614", f"run {run} has no value {name}", hint)


class _NoShell:
    """Stands in for IPython where values are read: magics among the definitions bind nothing, and do nothing here."""

    def __call__(self) -> _NoShell:
        """`get_ipython()`."""
        return self

    def __getattr__(self, name: str) -> Any:
        """Return something to call."""
        return lambda *_arguments, **_options: None


def replay(
    definitions: Sequence[Mapping[str, Any]], parameters: Mapping[str, str], module: ModuleType, folder: Path
) -> None:
    """Execute replayed steps in `module`, with the notebook's folder importable.

    Parameters are bound to their sources in `parameters` after the last step of the parameters cell, as in the run.
    """
    from nbprod.worker import constants

    last = max((at for at, step in enumerate(definitions) if step["kind"] == "parameters"), default=-1)
    sys.path.insert(0, str(folder))
    module.__dict__.setdefault("get_ipython", _NoShell())
    try:
        for at, step in enumerate(definitions):
            code = compile(_plain(step["source"]), f"<cell {step['cell']}>", "exec", dont_inherit=True)
            exec(code, module.__dict__)  # noqa: S102 - the notebook's own definitions
            for name, value in parameters.items() if at == last else ():
                exec(compile(f"{name} = {value}", "<parameters>", "exec"), module.__dict__)  # noqa: S102 - a literal nbprod wrote
            constants.adopt(module.__dict__)
    except Exception as error:
        text = f"a definition of the notebook does not work here: {_brief(error)}"
        raise StoreError("NB616", text, "use the notebook's own Python") from error
    finally:
        sys.path.remove(str(folder))


def _key(step: Mapping[str, Any]) -> tuple[int, int, str]:
    return step["cell"], step["first_line"], step["source"]


def _literal(source: str) -> bool:
    try:
        ast.literal_eval(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _plain(source: str) -> ast.Module:
    """Return the source as Python, without magics: they set up the session that runs a stage, not its reader's."""
    try:
        return ast.parse(source)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

    tree = ast.parse(TransformerManager().transform_cell(source))
    tree.body = [node for node in tree.body if "get_ipython" not in ast.dump(node)]
    return tree


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
