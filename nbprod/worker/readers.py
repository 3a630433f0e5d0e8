"""Libraries that read files past Python: their functions are wrapped to tell which."""

from __future__ import annotations

import functools
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from . import afterimport
from .files import absolute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from .observe import Observer

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "pyarrow.parquet.core": (
        "read_table",
        "read_schema",
        "read_metadata",
        "ParquetFile.__init__",
        "ParquetDataset.__init__",
    ),
    "pyarrow.parquet": ("read_table", "read_schema", "read_metadata"),
    "pyarrow.dataset": ("dataset",),
    "pandas": ("read_parquet", "read_feather", "read_orc"),
    "pandas.io.parquet": ("read_parquet",),
    "pandas.io.feather_format": ("read_feather",),
    "pandas.io.orc": ("read_orc",),
    "pyarrow.feather": ("read_table", "read_feather"),
    "pyarrow.csv": ("read_csv", "open_csv"),
    "pyarrow.json": ("read_json",),
    "pyarrow.orc": ("read_table", "ORCFile.__init__"),
    "h5py._hl.files": ("File.__init__",),
    "duckdb": ("connect", "read_csv", "read_parquet", "read_json", "sql", "query", "execute"),
    "polars": tuple(f"{how}_{what}" for how in ("read", "scan") for what in ("csv", "parquet", "ipc", "ndjson")),
}
WRITERS: dict[str, dict[str, int]] = {
    "pandas.io.parquet": {"to_parquet": 1},
    "pandas.io.feather_format": {"to_feather": 1},
    "pandas.io.orc": {"to_orc": 1},
    "pyarrow.parquet.core": {"write_table": 1, "ParquetWriter.__init__": 1},
    "pyarrow.parquet": {"write_table": 1},
    "pyarrow.feather": {"write_feather": 1},
    "pyarrow.csv": {"write_csv": 1},
}
"""Functions that write, and which of their arguments says where."""
QUOTED = re.compile(r"'([^'\n]+\.[A-Za-z0-9]+)'")
MARK = "_nbprod_wrapped"
_CALL = compile(f"{MARK}()", "<nbprod>", "eval")
DATABASES = frozenset({"connect"})
ASKING = frozenset({"sql", "query", "execute"})
"""Functions of DuckDB that look for tables among the variables of the frame that calls them."""
_watching: list[Observer] = []
_waiting: list[bool] = []


def install(observer: Observer) -> None:
    """Tell `observer` from now on; wraps what is loaded, and the rest when it is."""
    _watching[:] = [observer]
    if not _waiting:
        _waiting.append(True)
        for module, names in FUNCTIONS.items():
            afterimport.call(module, functools.partial(_wrap_all, names=dict.fromkeys(names, -1)))
        for module, places in WRITERS.items():
            afterimport.call(module, functools.partial(_wrap_all, names=places))


def uninstall() -> None:
    """Tell nobody any more."""
    _watching.clear()


def _wrap_all(module: ModuleType, names: dict[str, int]) -> None:
    for name, place in names.items():
        owner: Any = module
        *outer, last = name.split(".")
        for part in outer:
            owner = getattr(owner, part, None)
        plain = getattr(owner, last, None)
        if plain is not None and not hasattr(plain, MARK):
            looks = module.__name__ == "duckdb" and last in ASKING
            wrapped = _reading(plain, method=bool(outer), looks=looks) if place < 0 else _writing(plain, place)
            setattr(wrapped, MARK, True)
            setattr(owner, last, wrapped)


def _writing(plain: Callable[..., Any], place: int) -> Callable[..., Any]:
    @functools.wraps(plain)
    def writing(*arguments: Any, **options: Any) -> Any:
        given = [*arguments[place : place + 1], *(options[key] for key in ("path", "where", "dest") if key in options)]
        for path in _paths(given):
            file = absolute(path)
            for observer in _watching if file is not None else ():
                observer.files.write(str(file))
        return plain(*arguments, **options)

    return writing


def _reading(plain: Callable[..., Any], *, method: bool, looks: bool) -> Callable[..., Any]:
    @functools.wraps(plain)
    def reading(*arguments: Any, **options: Any) -> Any:
        values = [*arguments[method : method + 1], *options.values()]
        for path in _paths(values):
            _note(path, database=plain.__name__ in DATABASES)
        return plain(*arguments, **options)

    @functools.wraps(plain)
    def asking(*arguments: Any, **options: Any) -> Any:
        for path in _paths([*arguments, *options.values()]):
            _note(path, database=False)
        caller = sys._getframe(1)
        names = {**caller.f_locals, MARK: functools.partial(plain, *arguments, **options)}
        return eval(_CALL, caller.f_globals, names)  # noqa: S307 - a call, seen to be made where ours was

    return asking if looks else reading


def _paths(values: list[Any]) -> Iterator[str]:
    """Yield what may be a path among arguments, or is quoted as one in a query."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _paths(list(value))
        elif isinstance(value, str) and (" " in value or "\n" in value) and not os.path.exists(value):  # noqa: PTH110
            yield from QUOTED.findall(value)
        elif isinstance(value, str | os.PathLike):
            yield os.fspath(value)


def _note(path: str, *, database: bool) -> None:
    file = absolute(path)
    if file is None or path == ":memory:" or "://" in path:
        return
    for observer in _watching:
        if database:
            observer.volatile(f"database {os.path.basename(file)}")  # noqa: PTH119 - a text
            observer.files.read_now(file)
        elif os.path.isfile(file):  # noqa: PTH113 - as above
            observer.files.read(file)
        elif os.path.isdir(file):  # noqa: PTH112 - as above
            _note_folder(observer, file)


def _note_folder(observer: Observer, folder: str) -> None:
    for inner, _folders, names in os.walk(folder):
        observer.files.listed(inner)
        for name in names:
            observer.files.read(os.path.join(inner, name))  # noqa: PTH118 - as above
