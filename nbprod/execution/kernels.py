"""Whose Python runs the cells: the interpreter of the notebook's kernelspec, found without importing Jupyter."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import UnavailableError, Where
from nbprod.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.config import Project
    from nbprod.core.pipeline import Pipeline
    from nbprod.store import Ledger

_PROBE = (
    "import json, platform, sys; print(json.dumps({'version': platform.python_version(), 'path': sys.path, "
    "'implementation': sys.implementation.name}))"
)
_PROBE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that runs a notebook's cells: its path, version, and the folders its distributions are in."""

    python: Path
    version: str
    kernel: str
    sites: tuple[str, ...] = ()

    def distributions(self) -> dict[str, str]:
        """Return name → version of what is installed there, names normalised as packaging does."""
        found: dict[str, str] = {}
        for folder in reversed(self.sites):
            found.update(_installed(folder))
        return found


def interpreter(pipeline: Pipeline, project: Project) -> Interpreter:
    """Return the interpreter of the notebook's kernel.

    Raises
    ------
    UnavailableError
        The kernel is missing, or not Python; the hint is one command.
    """
    from nbprod.store import Ledger

    with Ledger(project.home) as ledger:
        return find(pipeline, project, ledger)


def find(pipeline: Pipeline, project: Project, ledger: Ledger, python: str | None = None) -> Interpreter:
    """Return the notebook's interpreter, or the one a stage's `python` option names."""
    if python:
        return _facts(_named(python, project, pipeline), pipeline.kernel or "python3", ledger)
    return _facts(_of_kernel(pipeline), pipeline.kernel or "python3", ledger)


def kernel_folders() -> Iterator[Path]:
    """Yield the folders Jupyter looks for kernelspecs in, in its order."""
    for folder in os.environ.get("JUPYTER_PATH", "").split(os.pathsep):
        if folder:
            yield Path(folder) / "kernels"
    home = Path.home()
    environment = Path(sys.prefix) / "share" / "jupyter" / "kernels"
    given = os.environ.get("JUPYTER_DATA_DIR")
    user = Path(given) / "kernels" if given else _user_folder(home)
    in_environment = sys.prefix != sys.base_prefix
    yield from (environment, user) if in_environment else (user, environment)
    if os.name == "nt":
        yield Path(os.environ.get("PROGRAMDATA", "")) / "jupyter" / "kernels"
    else:
        yield Path("/usr/local/share/jupyter/kernels")
        yield Path("/usr/share/jupyter/kernels")
    yield home / ".ipython" / "kernels"


def kernelspecs() -> dict[str, Path]:
    """Return name → `kernel.json` of every kernel Jupyter would list."""
    found: dict[str, Path] = {}
    for folder in kernel_folders():
        for file in sorted(folder.glob("*/kernel.json")) if folder.is_dir() else ():
            found.setdefault(file.parent.name.lower(), file)
    return found


def of_name(name: str) -> Path | None:
    """Return the interpreter of an installed kernel, None when there is none of that name."""
    spec = _spec(name)
    return _python_of(spec, name, Where()) if spec is not None else None


def this(kernel: str = "") -> Interpreter:
    """Return the interpreter that is running."""
    return Interpreter(Path(sys.executable), sys.version.split()[0], kernel, _sites(sys.path))


def _user_folder(home: Path) -> Path:
    if sys.platform == "darwin":
        return home / "Library" / "Jupyter" / "kernels"
    if os.name == "nt":
        return Path(os.environ.get("APPDATA", str(home))) / "jupyter" / "kernels"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "jupyter" / "kernels"


def _of_kernel(pipeline: Pipeline) -> Path:
    name = pipeline.kernel
    where = Where(pipeline.notebook)
    language = str(pipeline.metadata.get("kernelspec", {}).get("language") or "python").lower()
    spec = _spec(name) if name else None
    if spec is not None:
        return _python_of(spec, name or "", where)
    if language != "python":
        raise _not_python(name or "", language, where)
    if name in (None, "", "python3", "python"):
        return Path(sys.executable)
    known = ", ".join(sorted(kernelspecs())) or "none"
    raise UnavailableError(
        "NB920",
        f"the notebook's kernel {name} is not installed; kernels here: {known}",
        f"PYTHON -m ipykernel install --user --name {name}   (PYTHON: the interpreter the notebook needs)",
        where,
    )


def _spec(name: str) -> dict[str, Any] | None:
    for folder in kernel_folders():
        file = folder / name.lower() / "kernel.json"
        file = file if file.is_file() else folder / name / "kernel.json"
        if file.is_file():
            loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return loaded
    return None


def _python_of(spec: dict[str, Any], name: str, where: Where) -> Path:
    language = str(spec.get("language") or "python").lower()
    if language != "python":
        raise _not_python(name, language, where)
    argv = [str(part) for part in spec.get("argv", [])]
    command = next((argv[at - 1] for at, part in enumerate(argv) if part == "-m" and at), argv[0] if argv else "")
    if re.fullmatch(r"python(3(\.\d+)?)?(\.exe)?", command):
        return Path(sys.executable)  # as jupyter_client does: a bare `python` means the running one
    import shutil

    found = shutil.which(command)
    if found is None:
        hint = f"install it again with that environment's own Python: PYTHON -m ipykernel install --user --name {name}"
        raise UnavailableError("NB920", f"the kernel {name} needs {command}, which is not there", hint, where)
    return Path(found)


def _not_python(name: str, language: str, where: Where) -> UnavailableError:
    text = f"the kernel {name} runs {language}; nbprod runs Python notebooks"
    return UnavailableError("NB922", text, "jupyter kernelspec list   (choose a Python kernel for the notebook)", where)


def _named(python: str, project: Project, pipeline: Pipeline) -> Path:
    """Return the interpreter a stage's `python` option names: a file, or a virtual environment's folder."""
    folder = project.notebook(pipeline.notebook).parent
    for base in (folder, project.root):
        given = base / Path(python).expanduser()
        for path in (given / "bin" / "python", given / "Scripts" / "python.exe", given):
            if path.is_file():
                return path.absolute()
    import shutil

    found = shutil.which(python)
    if found:
        return Path(found)
    text = f"the stage's python {python} is not there"
    raise UnavailableError("NB923", text, f"uv venv {python}", Where(pipeline.notebook))


def _facts(python: Path, kernel: str, ledger: Ledger) -> Interpreter:
    if python == Path(sys.executable):
        return this(kernel)
    stamp = _stamp(python)
    known = ledger.fact(f"python:{python}", stamp)
    if known is None:
        known = _ask(python)
        ledger.remember(f"python:{python}", stamp, known)
    return Interpreter(python, known["version"], kernel, _sites(known["path"]))


def _stamp(python: Path) -> str:
    config = python.parent.parent / "pyvenv.cfg"
    times = [path.stat().st_mtime_ns for path in (python, config) if path.exists()]
    return f"{python.resolve()}:{times}"


def _ask(python: Path) -> dict[str, Any]:
    try:
        done = subprocess.run([str(python), "-c", _PROBE], capture_output=True, timeout=_PROBE_SECONDS, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise UnavailableError("NB924", f"{python} does not run: {error}", "make that environment anew") from error
    if found["implementation"] != "cpython":
        raise UnavailableError("NB925", f"{python} is {found['implementation']}", "choose a CPython kernel")
    return found


def _sites(path: list[str]) -> tuple[str, ...]:
    return tuple(item for item in path if Path(item).name in ("site-packages", "dist-packages"))


def _installed(folder: str) -> dict[str, str]:
    try:
        entries = os.listdir(folder)  # noqa: PTH208 - a thousand names, and only names: no Path each
    except OSError:
        return {}
    found = {}
    for entry in entries:
        stem, dot, kind = entry.rpartition(".")
        if dot and kind in ("dist-info", "egg-info"):
            name, _, version = stem.partition("-")
            found[normalised(name)] = version.partition("-")[0]
    return found


def normalised(name: str) -> str:
    """Return a distribution's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()
