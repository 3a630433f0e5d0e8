"""What cannot be stored at a stage boundary, and why, in the author's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types

CONNECTION = "an open connection, which exists only in its own process; open it again in the stage that uses it"
FILE = "an open file, which exists only in the process that opened it; store its path, or its content"
LOCK = "a lock of a thread, which exists only in its own process"
THREAD = "a running thread, process or pool, which exists only in its own process; start it in the stage that uses it"
GENERATOR = "a generator, which can be consumed only where it was made; store list(…) of it"
ASYNC = "part of a running event loop, which exists only in its own process"
SHELL = "part of the running IPython shell"
REFERENCE = "a weak reference to what only its own process holds"
WIDGET = "a widget or another object with observers, which hear only in the process that made it"
MEMORY = "a window on memory that another value owns; keep that value, and make the window where it is needed"
FRAME = "part of a running program (frame or traceback)"

REASONS: dict[str, str] = {
    "builtins.generator": GENERATOR,
    "builtins.async_generator": GENERATOR,
    "builtins.coroutine": ASYNC,
    "builtins.memoryview": MEMORY,
    "builtins.frame": FRAME,
    "builtins.traceback": FRAME,
    "weakref.ReferenceType": REFERENCE,
    "weakref.ProxyType": REFERENCE,
    "_io.TextIOWrapper": FILE,
    "_io._BufferedIOBase": FILE,
    "_io.FileIO": FILE,
    "tempfile._TemporaryFileWrapper": FILE,
    "tempfile.TemporaryDirectory": FILE,
    "zipfile.ZipFile": FILE,
    "tarfile.TarFile": FILE,
    "_csv.reader": FILE,
    "_csv.writer": FILE,
    "mmap.mmap": FILE,
    "_ctypes._CData": "memory of a C library, which exists only in its own process",
    "h5py._hl.base.HLObject": FILE,
    "_socket.socket": CONNECTION,
    "sqlite3.Connection": CONNECTION,
    "sqlite3.Cursor": CONNECTION,
    "duckdb.DuckDBPyConnection": CONNECTION,
    "_duckdb.DuckDBPyConnection": CONNECTION,
    "duckdb.duckdb.DuckDBPyConnection": CONNECTION,
    "duckdb.DuckDBPyRelation": CONNECTION,
    "_duckdb.DuckDBPyRelation": CONNECTION,
    "duckdb.duckdb.DuckDBPyRelation": CONNECTION,
    "psycopg2.extensions.connection": CONNECTION,
    "psycopg2.extensions.cursor": CONNECTION,
    "psycopg.connection.Connection": CONNECTION,
    "sqlalchemy.engine.base.Engine": CONNECTION,
    "sqlalchemy.engine.base.Connection": CONNECTION,
    "sqlalchemy.orm.session.Session": CONNECTION,
    "pymongo.mongo_client.MongoClient": CONNECTION,
    "redis.client.Redis": CONNECTION,
    "botocore.client.BaseClient": CONNECTION,
    "boto3.resources.base.ServiceResource": CONNECTION,
    "pyspark.sql.session.SparkSession": CONNECTION,
    "pyspark.context.SparkContext": CONNECTION,
    "http.client.HTTPConnection": CONNECTION,
    "grpc.Channel": CONNECTION,
    "_thread.lock": LOCK,
    "_thread.RLock": LOCK,
    "_thread._local": LOCK,
    "threading._RLock": LOCK,
    "threading.Condition": LOCK,
    "threading.Event": LOCK,
    "threading.Semaphore": LOCK,
    "threading.Barrier": LOCK,
    "threading.Thread": THREAD,
    "subprocess.Popen": THREAD,
    "multiprocessing.process.BaseProcess": THREAD,
    "multiprocessing.pool.Pool": THREAD,
    "concurrent.futures._base.Executor": THREAD,
    "concurrent.futures._base.Future": THREAD,
    "decimal.Context": "the context in which this process computes; call getcontext() in the stage that uses it",
    "traitlets.traitlets.HasTraits": WIDGET,
    "asyncio.events.AbstractEventLoop": ASYNC,
    "_asyncio.Future": ASYNC,
    "asyncio.futures.Future": ASYNC,
    "IPython.core.interactiveshell.InteractiveShell": SHELL,
    "IPython.core.displayhook.DisplayHook": SHELL,
    "IPython.core.history.HistoryAccessorBase": SHELL,
    "ipykernel.kernelbase.Kernel": SHELL,
}
STORABLE = {"_io.BytesIO", "_io.StringIO"}


class NotStorable(Exception):
    """Raised while a value is pickled, as soon as something in it cannot be."""


def type_name(kind: type) -> str:
    """Return `module.qualname`, without the module for builtins and the notebook's own classes."""
    module = getattr(kind, "__module__", "builtins")
    name = getattr(kind, "__qualname__", str(kind))
    return str(name) if module in ("builtins", "__main__") else f"{module}.{name}"


def reason(kind: type) -> str | None:
    """Return why values of this type cannot be stored, or None when nothing is known against it."""
    names = [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]
    if STORABLE & set(names):
        return None
    return next((f"{type_name(kind)} is {REASONS[name]}" for name in names if name in REASONS), None)


def module_reason(module: types.ModuleType) -> str:
    """Return why a module cannot be stored by its name."""
    return f"the module {module.__name__!r} was made on the fly and cannot be imported by name"


def explain(error: BaseException) -> str:
    """Return the reason behind an exception that pickling raised."""
    if isinstance(error, NotStorable):
        return str(error)
    if isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError):
        return "it is nested too deeply to be stored"
    if isinstance(error, MemoryError):
        return "there is not enough memory to store it"
    text = " ".join(str(error).split()) or type(error).__name__
    return f"it cannot be pickled: {text}"


def describe(value: Any) -> str:
    """Return the type of `value`, as the manifest tells it."""
    return type_name(type(value))
