"""Libraries that read files past Python: their functions are wrapped to tell which."""

from __future__ import annotations

import functools
import os
import re
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
    "pyarrow.dataset": ("dataset",),
    "pyarrow.feather": ("read_table", "read_feather"),
    "pyarrow.csv": ("read_csv", "open_csv"),
    "pyarrow.json": ("read_json",),
    "pyarrow.orc": ("read_table", "ORCFile.__init__"),
    "h5py._hl.files": ("File.__init__",),
    "duckdb": ("connect", "read_csv", "read_parquet", "read_json", "sql", "query", "execute"),
    "polars": tuple(f"{how}_{what}" for how in ("read", "scan") for what in ("csv", "parquet", "ipc", "ndjson")),
}
QUOTED = re.compile(r"'([^'\n]+\.[A-Za-z0-9]+)'")
DATABASES = frozenset({"connect"})
_watching: list[Observer] = []
_waiting: list[bool] = []


def install(observer: Observer) -> None:
    """Tell `observer` from now on; wraps what is loaded, and the rest when it is."""
    _watching[:] = [observer]
    if not _waiting:
        _waiting.append(True)
        for module, names in FUNCTIONS.items():
            afterimport.call(module, functools.partial(_wrap_all, names=names))


def uninstall() -> None:
    """Tell nobody any more."""
    _watching.clear()


def _wrap_all(module: ModuleType, names: tuple[str, ...]) -> None:
    for name in names:
        owner: Any = module
        *outer, last = name.split(".")
        for part in outer:
            owner = getattr(owner, part, None)
        plain = getattr(owner, last, None)
        if plain is not None:
            setattr(owner, last, _wrapped(plain, method=bool(outer)))


def _wrapped(plain: Callable[..., Any], *, method: bool) -> Callable[..., Any]:
    @functools.wraps(plain)
    def reading(*arguments: Any, **options: Any) -> Any:
        values = [*arguments[method : method + 1], *options.values()]
        for path in _paths(values):
            _note(path, database=plain.__name__ in DATABASES)
        return plain(*arguments, **options)

    return reading


def _paths(values: list[Any]) -> Iterator[str]:
    """Yield what may be a path among arguments, or is quoted as one in a query."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _paths(list(value))
        elif isinstance(value, str) and (" " in value or "\n" in value):
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
