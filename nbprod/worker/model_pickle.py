"""The model as one pickle, by value; what it refers to outside: distributions, modules beside the notebook."""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import importlib.metadata
import io
import pickle
import re
import sys
import sysconfig
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import cloudpickle

from . import modules as installed
from .model_samples import ModelFailed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_OURS = {"nbprod", "nbprod_worker"}


class _Recorder(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles by value what the notebook defines, and notes every module the rest is taken from.

    Parameters
    ----------
    file
        Where the pickle goes.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.modules: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        """Note where `obj` comes from, then pickle it as cloudpickle does."""
        if isinstance(obj, ModuleType):
            self.modules.add(obj.__name__)
        elif isinstance(obj, CodeType):
            self.modules.update(_imports(obj))
        elif isinstance(obj, type | FunctionType | BuiltinFunctionType):
            self.modules.add(getattr(obj, "__module__", None) or "builtins")
        else:
            self.modules.add(type(obj).__module__)
        return super().reducer_override(obj)


def _imports(code: CodeType) -> Iterable[str]:
    return [str(item.argval) for item in dis.get_instructions(code) if item.opname == "IMPORT_NAME" and item.argval]


def dump(model: object) -> tuple[bytes, set[str]]:
    """Return the model's pickle and the modules needed to load and call it; raises `ModelFailed` when it has none."""
    file = io.BytesIO()
    recorder = _Recorder(file)
    try:
        recorder.dump(model)
    except Exception as error:
        raise ModelFailed(
            "NB624",
            f"the model cannot be stored: {type(error).__name__}: {error}",
            "keep connections, open files and generators out of what predict uses",
        ) from error
    return _settled(file.getvalue()), recorder.modules - {"__main__", "builtins"}


def _settled(data: bytes) -> bytes:
    """Return the pickle with the random ids that cloudpickle gives classes replaced by ids made from the content."""
    known = getattr(cloudpickle.cloudpickle, "_DYNAMIC_CLASS_TRACKER_BY_ID", {})
    found = dict.fromkeys(match for match in re.findall(rb"[0-9a-f]{32}", data) if match.decode() in known)
    if not found:
        return data
    neutral = data
    for number, token in enumerate(found):
        neutral = neutral.replace(token, b"%032d" % number)
    for number, token in enumerate(found):
        fixed = hashlib.sha256(b"%d:" % number + neutral).hexdigest()[:32]
        data = data.replace(token, fixed.encode())
    return data


def load(data: bytes) -> Any:
    """Return the model as a reader of the directory will have it; raises `ModelFailed` when it cannot be loaded."""
    try:
        return pickle.loads(data)
    except Exception as error:
        raise ModelFailed(
            "NB624",
            f"the stored model cannot be loaded again: {type(error).__name__}: {error}",
            "let its class be importable, or define it in the notebook",
        ) from error


def origin(module: str) -> Path | None:
    """Return the file of a loaded module, or None for one without."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file).resolve() if file else None


@functools.cache
def _installed() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return tuple(Path(paths[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def is_local(module: str) -> bool:
    """Say whether a loaded module lies beside the notebook: neither installed nor of the standard library."""
    top = module.partition(".")[0]
    file = origin(top) or origin(module)
    if file is None or top in _OURS or top in sys.stdlib_module_names:
        return False
    inside = any(file.is_relative_to(folder) for folder in _installed())
    return not inside and not {"site-packages", "dist-packages"} & set(file.parts)


def local_files(modules: Collection[str]) -> dict[str, Path]:
    """Return path below `code/` → file, for the local modules among `modules` and what those import."""
    todo = [name.partition(".")[0] for name in modules if is_local(name)]
    found: dict[str, Path] = {}
    seen: set[str] = set()
    while todo:
        top = todo.pop()
        if top in seen:
            continue
        seen.add(top)
        files = _files(top)
        found.update(files)
        imported = {name for file in files.values() if file.suffix == ".py" for name in _imported(file)}
        todo += [name for name in imported if is_local(name)]
    return dict(sorted(found.items()))


def _files(top: str) -> dict[str, Path]:
    module = sys.modules[top]
    folders = [Path(folder) for folder in getattr(module, "__path__", [])]
    if not folders:
        file = origin(top)
        return {file.name: file} if file else {}
    return {
        f"{top}/{file.relative_to(folder).as_posix()}": file.resolve()
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    }


def _imported(file: Path) -> set[str]:
    """Return the top-level modules a source file imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def requirements(modules: Collection[str], files: dict[str, Path], cache: Path) -> list[str]:
    """Return `distribution==version` for all that `modules` and the local `files` need, sorted.

    `cache` is the folder that keeps which distribution holds what, which is slow to find.
    """
    tops = {name.partition(".")[0] for name in modules}
    for file in files.values():
        tops |= _imported(file) if file.suffix == ".py" else set()
    tops -= {*sys.stdlib_module_names, *_OURS}
    owners = installed.owners(cache)
    found = {"cloudpickle": cloudpickle.__version__}
    for top in tops:
        for name in _providing(top, owners.get(top, [])):
            distribution = importlib.metadata.distribution(name)
            found[distribution.metadata["Name"]] = distribution.version
    return [f"{name}=={version}" for name, version in sorted(found.items(), key=lambda item: item[0].lower())]


def _providing(top: str, names: list[str]) -> list[str]:
    """Return the distributions that brought module `top`; of several sharing a name, those that hold its file."""
    unique = sorted(set(names))
    file = origin(top)
    if len(unique) < 2 or file is None:
        return unique
    tail = "/".join(file.parts[-2:])
    holders = [name for name in unique if any(str(item) == tail for item in importlib.metadata.files(name) or ())]
    return holders or unique
