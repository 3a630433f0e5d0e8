"""State outside variables: random generators, environment, working directory, search path, options, warnings filters.

`capture` notes it before a stage's cells run, `record` keeps what they changed, `restore` sets it again in the process
of a later stage. A record is JSON: `{kind: {"content": digest, …}}`, small things as they are, the rest in buffers.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from json import dumps as to_json  # bound here: cells may patch the module
from json import loads as from_json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import byimport, hashing, plain, sequences
from .options import KINDS, SEEDED
from .pickling import Pickler, loads
from .unstorable import explain

if TYPE_CHECKING:
    from .buffers import Buffers
    from .options import Kind

SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
OF_THE_DRIVER = re.compile(r"^(NBPROD_.*|MLFLOW_RUN_ID|PWD|OLDPWD|_)$")
"""Variables that are set for each stage, or by shells."""
START = Path("<start>")
"""Stands for the notebook's folder: another stage may run on a copy of it."""
SMALL = 200
_STARTED: list[str] = []


def capture() -> dict[str, str]:
    """Return a token for each kind of state there is now, to be given to `record`."""
    _start()
    tokens = {name: to_json(_token(kind)) for name, kind in KINDS.items() if kind.loaded}
    environment = {name: _mark(value) for name, value in os.environ.items()}
    tokens["environ"] = to_json(environment)
    tokens["cwd"] = to_json(_cwd())
    tokens["sys.path"] = to_json(list(map(str, sys.path)))
    tokens["warnings"] = to_json(_filters())
    return tokens


def record(before: dict[str, str], namespace: dict[str, Any], buffers: Buffers) -> dict[str, Any]:
    """Return what changed since `before`, as JSON.

    Values of environment variables whose name says that they are secret are never kept, only their names
    (`record["environ"]["secret"]`).

    Raises
    ------
    OSError
        When `buffers` cannot be written.
    """
    found: dict[str, Any] = {}
    for name, kind in KINDS.items():
        changed = _changed(kind, from_json(before.get(name, "null"))) if kind.loaded else None
        if changed is not None:
            SEEDED.add(name)
            found[name] = _stored(changed, namespace, buffers)
    start, was = _start(), from_json(before["cwd"])
    for name, plain_change in (
        ("environ", _environment(from_json(before["environ"]))),
        ("cwd", {"path": _portable(_cwd(), start)} if _cwd() != was else None),
        ("sys.path", _search_path(from_json(before["sys.path"]), start)),
        ("warnings", _new_filters(from_json(before["warnings"]))),
    ):
        if plain_change:
            found[name] = {"content": hashing.content(plain_change), **plain_change}
    return found


def restore(record: dict[str, Any], namespace: dict[str, Any], buffers: Buffers) -> None:
    """Set what `record` says; libraries are imported only if it says something of them.

    Raises
    ------
    BufferDamaged
        When a part is missing or damaged.
    """
    _restore_environment(record.get("environ", {}))
    for name, entry in record.items():
        if name in KINDS:
            KINDS[name].load()
            data = buffers.get(entry["payload"], writable=False)
            KINDS[name].write(loads(data, namespace, [buffers.get(part) for part in entry["buffers"]]))
    start = _start()
    _restore_search_path(record.get("sys.path", {}), start)
    _restore_filters(record.get("warnings", {}))
    if "cwd" in record:
        os.chdir(_local(record["cwd"]["path"], start))


def _token(kind: Kind) -> Any:
    state = kind.read()
    if kind.options:
        return {name: _mark(value) for name, value in state.items()}
    return {"content": hashing.content(state), "state": state if kind.keep else None}


def _mark(value: Any) -> str:
    """Return what tells two values apart: what is small and plain as it is, the content of the rest."""
    plain_one = type(value) in plain.ATOMS and (type(value) not in (str, bytes) or len(value) < SMALL)
    return f"{type(value).__name__} {value!r}" if plain_one else hashing.content(value)


def _changed(kind: Kind, before: Any) -> Any:
    """Return the state to keep, None when it is as it was, or as it is in a fresh process, or chance."""
    state = kind.read()
    if not kind.options:
        known = before or {}
        same = hashing.content(state) == known.get("content") or kind.fresh(state, known.get("state"))
        return None if same else state
    known = before
    if known is None:
        known = {name: _mark(value) for name, value in kind.fresh(state, None).items()}
    changed = {name: value for name, value in state.items() if known.get(name) != _mark(value)}
    changed |= dict.fromkeys((before or {}).keys() - state.keys())
    return {name: changed[name] for name in sorted(changed)} or None


def _stored(state: Any, namespace: dict[str, Any], buffers: Buffers) -> dict[str, Any]:
    content = hashing.content(state)
    pickler = Pickler(namespace)
    try:
        data = pickler.dumps(state)
        why = f"a function among them uses {', '.join(sorted(pickler.needs))}" if pickler.needs else ""
    except Exception as error:  # noqa: BLE001 - an option may hold anything; what cannot be carried is told
        why = explain(error)
    if why:
        kept = {name: value for name, value in state.items() if type(value) in plain.ATOMS}
        data = Pickler(namespace).dumps(kept)
        return {"content": content, "payload": buffers.put(data), "buffers": [], "incomplete": why}
    return {
        "content": content,
        "payload": buffers.put(data),
        "buffers": [buffers.put(view) for view in pickler.buffers],
    }


def _cwd() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # the folder is gone
        return ""


def _start() -> str:
    """Return the folder in which the first stage of this process started: the notebook's."""
    if not _STARTED:
        _STARTED.append(_cwd())
    return _STARTED[0]


def forget() -> None:
    """Let the next stage start in a folder of its own."""
    _STARTED.clear()
    SEEDED.clear()


def _portable(path: str, start: str) -> str:
    """Return `path` relative to `start` when it lies below."""
    below = start and Path(path).is_absolute() and Path(path).is_relative_to(start)
    return str(START / Path(path).relative_to(start)) if below else path


def _local(path: str, start: str) -> str:
    below = Path(path).parts[:1] == START.parts
    return str(Path(start, *Path(path).parts[1:])) if below else path


def _environment(before: dict[str, str]) -> dict[str, Any] | None:
    names = {name for name in os.environ if not OF_THE_DRIVER.match(name)}
    changed = sorted(n for n in names if before.get(n) != _mark(os.environ[n]) and not byimport.variable(n))
    secret = [name for name in changed if SECRET.search(name)]
    gone = sorted(name for name in before if name not in os.environ and not OF_THE_DRIVER.match(name))
    kept = {name: os.environ[name] for name in changed if name not in secret}
    return {"set": kept, "unset": gone, "secret": secret} if kept or gone or secret else None


def _restore_environment(entry: dict[str, Any]) -> None:
    os.environ.update(entry.get("set", {}))
    for name in entry.get("unset", ()):
        os.environ.pop(name, None)


def _search_path(before: list[str], start: str) -> dict[str, Any] | None:
    """Return what is different in the search path."""
    found = sequences.difference(before, list(map(str, sys.path)))
    return {side: [_portable(entry, start) for entry in found[side]] for side in found} if found else None


def _restore_search_path(entry: dict[str, Any], start: str) -> None:
    sides = ("front", "back", "gone", "order")
    found = {side: [_local(path, start) for path in entry.get(side, ())] for side in sides}
    sys.path[:] = sequences.apply(found, list(map(str, sys.path)))


def _filters() -> list[list[Any]]:
    """Return the warnings filters, those of the notebook's own categories left out."""
    return [entry for entry in map(_filter, byimport.filters()) if entry is not None]


def _filter(entry: Any) -> list[Any] | None:
    action, message, category, module, line = entry
    name = f"{category.__module__}:{category.__qualname__}"
    if category.__module__ == "__main__" or "." in category.__qualname__:
        return None
    texts = [text if isinstance(text, str | None) else text.pattern for text in (message, module)]
    return [action, texts[0], name, texts[1], line]


def _new_filters(before: list[list[Any]]) -> dict[str, Any] | None:
    return sequences.difference(before, _filters())


def _restore_filters(entry: dict[str, Any]) -> None:
    if not entry:
        return
    here = list(warnings.filters)
    described = [_filter(item) or [number] for number, item in enumerate(here)]
    known = {to_json(text): item for text, item in zip(described, here, strict=True)}
    made = [known.get(to_json(item)) or _made(item) for item in sequences.apply(entry, described)]
    warnings.resetwarnings()  # has what was decided by the old ones forgotten
    warnings.filters[:] = [item for item in made if item is not None]  # type: ignore[index]  # a list, whatever its stub says


def _made(entry: Any) -> Any:
    """Return a filter of a library that is loaded; one that is not adds its own when it is."""
    action, message, name, module, line = entry
    module_name, _, category_name = name.partition(":")
    category = getattr(sys.modules.get(module_name), category_name, None)
    if not isinstance(category, type) or not issubclass(category, Warning):
        return None
    patterns = [re.compile(text, flags) if text else None for text, flags in ((message, re.IGNORECASE), (module, 0))]
    return action, patterns[0], category, patterns[1], line
