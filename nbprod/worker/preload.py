"""Modules imported before any stage runs: in the zygote, so that a fork of it need not import them again.

Only installed modules are imported ahead, never the user's own. One that leaves a second thread behind, or prints while
it is imported, is an offender: a fork would lose its threads, and its words belong to the cell that imports it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import origins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

NOT_FORK_SAFE = {
    **dict.fromkeys(("cupy", "cudf", "cuml", "cuda", "pycuda", "rmm", "jax", "jaxlib"), "CUDA does not survive a fork"),
    **dict.fromkeys(("polars", "tensorflow", "keras", "ray", "grpc", "daft"), "its threads do not survive a fork"),
    **dict.fromkeys(("mlflow", "nbprod"), "it is imported where it is used"),
}
"""Top-level modules that are never imported ahead, and why; a stage that imports them does so itself."""

OWN = (
    *(f"IPython.core.{name}" for name in ("completerlib", "crashhandler", "interactiveshell", "magics", "page")),
    *("IPython.core.application", "IPython.core.pylabtools", "IPython.utils.wildcard", "IPython.core.logger", "bdb"),
    *("cloudpickle", "email.parser", "encodings.ascii"),
)
"""What the worker itself, or IPython for nearly every cell, imports."""
BESIDE = {
    "pandas": (
        "pyarrow",
        "pyarrow.pandas_compat",
        "pyarrow.vendored.version",
        "pandas.io.formats.html",
        "pandas.io.formats.string",
    ),
    "matplotlib": ("matplotlib_inline.backend_inline", "matplotlib.backends.backend_agg"),
    "sklearn": ("sklearn.utils._repr_html.estimator", "threadpoolctl"),
}
"""What a library imports late, at its first use in a notebook."""

ahead: dict[str, frozenset[str]] = {}
"""Top-level modules that were imported ahead, and those each refers to; empty in a process that was not forked."""
_loaded: set[str] = set()
used: set[str] = set()
"""Top-level modules that what was loaded from the store, or the stages of this process so far, have needed."""


def preload(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """Import what of `names` may be imported ahead; returns the offenders among them and why.

    Parameters
    ----------
    names
        Dotted names as import statements have them.
    known
        Offenders of earlier attempts, left out.
    """
    found: dict[str, str] = {}
    path = sys.path[:]
    sys.path[:] = [entry for entry in path if origins.kind(f"{entry}{os.sep}module.py") in ("library", "standard")]
    try:
        for name in names:
            top = name.partition(".")[0]
            if top in NOT_FORK_SAFE:
                found[top] = NOT_FORK_SAFE[top]
            elif top not in known and top not in found and _installed(top):
                why = _import(name, BESIDE.get(top, ()))
                if why:
                    found[top] = why
    finally:
        sys.path[:] = path
    return found


def threads() -> int:
    """Return how many threads this process has, as the kernel counts them."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - a handful of names
    except OSError:
        return 1


def remember(before: Iterable[str]) -> None:
    """Take note of what was imported ahead beside `before`, the top-level modules that the worker itself needs."""
    tops = {name.partition(".")[0] for name in sys.modules} - set(before)
    ahead.update({top: frozenset() for top in tops})
    found = _references(list(sys.modules.items()))
    ahead.update({top: frozenset(found.get(top, ())) for top in tops})
    _loaded.update(sys.modules)


def unused(namespace: Mapping[str, Any], roots: Iterable[str]) -> set[str]:
    """Return the top-level modules that were imported ahead, but for other stages than the one that ends.

    Parameters
    ----------
    namespace
        What the stage leaves: the modules, and the types of the values, it refers to.
    roots
        Modules that it imports.
    """
    if not ahead:
        return set()
    own = [item for item in list(sys.modules.items()) if item[0] not in _loaded]
    todo = {*roots, *(top for value in list(namespace.values()) for top in _tops(value))}
    todo |= {top for tops in _references(own).values() for top in tops} | used
    needed: set[str] = set()
    while todo:
        top = todo.pop()
        if top in ahead and top not in needed:
            needed.add(top)
            todo |= ahead[top] - needed
    used.update(needed)
    return set(ahead) - needed


def restore_threads(wanted: str | None) -> Callable[[], None]:
    """Return what gives a forked process the `wanted` number of OpenBLAS threads; the zygote loaded it with one."""
    if not wanted or not wanted.isdigit() or int(wanted) < 2 or importlib.util.find_spec("threadpoolctl") is None:
        return lambda: None
    import threadpoolctl

    found = threadpoolctl.ThreadpoolController().lib_controllers
    libraries = [library for library in found if library.internal_api == "openblas"]

    def restore() -> None:
        for library in libraries:
            library.set_num_threads(int(wanted))

    return restore


def _installed(top: str) -> bool:
    """Whether a top-level module is a distribution's, or Python's own."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return False
    if spec is None:
        return False
    place = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
    return place in ("built-in", "frozen") or origins.kind(place) in ("library", "standard", "machinery")


def _import(name: str, beside: Iterable[str]) -> str:
    """Import a module; returns why that should not have been done ahead, nothing when all is well."""
    with tempfile.TemporaryFile() as said:
        with _output_to(said.fileno()):
            for each in (name, *beside):
                try:
                    importlib.import_module(each)
                except Exception:  # noqa: BLE001, S112 - the cell that imports it is told
                    continue
                except SystemExit:
                    return "it ends the process as it is imported"
        if said.seek(0, os.SEEK_END):
            return "it prints as it is imported"
    return f"it has {threads()} threads once it is imported" if threads() > 1 else ""


class _output_to:  # noqa: N801 - a context manager
    """Sends what is written to the descriptors 1 and 2 elsewhere."""

    def __init__(self, target: int) -> None:
        self._target = target

    def __enter__(self) -> None:
        _flush()
        self._kept = [os.dup(1), os.dup(2)]
        os.dup2(self._target, 1)
        os.dup2(self._target, 2)

    def __exit__(self, *_error: object) -> None:
        _flush()
        for number, kept in enumerate(self._kept, 1):
            os.dup2(kept, number)
            os.close(kept)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _references(items: Iterable[tuple[str, Any]]) -> dict[str, set[str]]:
    """Return top-level module → those its modules refer to, seen from what is bound in them."""
    found: dict[str, set[str]] = {}
    for name, module in items:
        if isinstance(module, ModuleType):
            mine = found.setdefault(name.partition(".")[0], set())
            for value in list(vars(module).values()):
                mine.update(_tops(value))
    return found


def _tops(value: Any) -> Iterator[str]:
    """Yield the top-level modules a value comes from."""
    if type(value) is ModuleType:
        yield value.__name__.partition(".")[0]
        return
    for owner in (value if isinstance(value, type) else type(value), value):
        module = owner.__dict__.get("__module__") if isinstance(owner, type) else getattr(owner, "__module__", None)
        if isinstance(module, str):
            yield module.partition(".")[0]


def shadowed(folder: str) -> set[str]:
    """Return modules imported ahead which Python would have found in the notebook's folder: it comes after its own."""
    try:
        names = {item.stem if item.suffix == ".py" else item.name for item in Path(folder).iterdir() if _module(item)}
    except OSError:
        return set()
    return (names & set(ahead)) - sys.stdlib_module_names


def _module(item: Path) -> bool:
    return item.suffix == ".py" or (item / "__init__.py").exists()
