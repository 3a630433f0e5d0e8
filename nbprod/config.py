"""Where things are: the project, its `.nbprod` folder, its settings."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import field
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import ConfigError, NotebookError, Where
from nbprod.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKERS = (".nbprod", "pyproject.toml", ".git")
SETTINGS = {"store", "store_limit", "tracking", "registry", "target", "parameters", "profile", "model_name"}


@dataclass(frozen=True, slots=True)
class Project:
    """The folder a notebook belongs to, and the folder that holds all nbprod keeps of it.

    Attributes
    ----------
    root
        Nearest folder upwards with `.nbprod`, `pyproject.toml` or `.git`, else the notebook's own.
    home
        `root/.nbprod`, or `$NBPROD_HOME`, or a folder in the user's cache when the project is read-only.
    settings
        `[tool.nbprod]` of `pyproject.toml`, the chosen profile merged over it.
    notes
        What the user should be told about these choices.
    """

    root: Path
    home: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def find(cls, path: str | os.PathLike[str] = ".", profile: str | None = None) -> Project:
        """Return the project of a notebook or folder, its home created; raises `ConfigError` for bad settings."""
        start = Path(path).resolve()
        folder = start if start.is_dir() else start.parent
        root = next((up for up in (folder, *folder.parents) if any((up / name).exists() for name in MARKERS)), folder)
        home, notes = _home(root)
        return cls(root, home, _settings(root, profile), notes)

    def relative(self, notebook: str | os.PathLike[str]) -> str:
        """Return a notebook's path relative to the project, with forward slashes."""
        path = Path(notebook).resolve()
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.as_posix()

    def notebook(self, relative: str) -> Path:
        """Return the absolute path of a notebook named relative to the project."""
        return self.root / relative

    @property
    def tracks(self) -> bool:
        """Whether runs are told to MLflow; `$NBPROD_TRACKING` or the `tracking` setting may say `none`."""
        return (os.environ.get("NBPROD_TRACKING") or self.settings.get("tracking")) != "none"

    @property
    def tracking_uri(self) -> str:
        """MLflow's address: `$MLFLOW_TRACKING_URI`, the `tracking` setting, else SQLite in the home."""
        return (
            os.environ.get("MLFLOW_TRACKING_URI") or self.settings.get("tracking") or f"sqlite:///{self.home}/mlflow.db"
        )


def require_notebook(path: str | os.PathLike[str]) -> Path:
    """Return `path` as an existing file; raises `NotebookError` naming what is there instead."""
    found = Path(path)
    if found.is_file():
        return found
    near = sorted(item.name for item in found.parent.glob("*.ipynb")) if found.parent.is_dir() else []
    hint = f"notebooks there: {', '.join(near[:8])}" if near else "give the path of an .ipynb file"
    raise NotebookError("NB001", f"there is no notebook {path}", hint, Where(str(path)))


def _home(root: Path) -> tuple[Path, tuple[str, ...]]:
    chosen = os.environ.get("NBPROD_HOME")
    if chosen:
        home = Path(chosen).expanduser().resolve()
        home.mkdir(parents=True, exist_ok=True)
        return home, ()
    home = root / ".nbprod"
    if _writable(home):
        return home, ()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    away = cache / "nbprod" / hashlib.sha256(str(root).encode()).hexdigest()[:16]
    away.mkdir(parents=True, exist_ok=True)
    return away, (f"{root} is read-only; runs are kept in {away}",)


def _writable(home: Path) -> bool:
    try:
        home.mkdir(exist_ok=True)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        probe = home / f".probe-{os.getpid()}-{get_ident()}"  # a server asks from several threads at once
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def _settings(root: Path, profile: str | None) -> dict[str, Any]:
    file = root / "pyproject.toml"
    if not file.is_file():
        return _with_profile({}, profile, file)
    import tomllib

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("nbprod", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("NB900", f"{file} cannot be read: {error}", "mend the file") from error
    unknown = sorted(set(table) - SETTINGS)
    if unknown:
        known = ", ".join(sorted(SETTINGS))
        raise ConfigError("NB901", f"unknown setting {unknown[0]} in [tool.nbprod] of {file}", f"known: {known}")
    return _with_profile(table, profile, file)


def _with_profile(table: Mapping[str, Any], profile: str | None, file: Path) -> dict[str, Any]:
    settings = {key: value for key, value in table.items() if key != "profile"}
    profiles = table.get("profile", {})
    if profile is None:
        return settings
    if profile not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise ConfigError("NB902", f"no profile {profile} in {file}", f"profiles there: {known}")
    return {**settings, **profiles[profile]}


def shipped_example(name: str) -> Path:
    """Return an example notebook that came with nbprod; raises `ConfigError` when it did not."""
    here = Path(__file__).resolve().parent.parent / "example-notebooks" / name
    for path in (here, Path(sys.prefix) / "share" / "nbprod" / "example-notebooks" / name):
        if path.is_file():
            return path
    raise ConfigError("NB903", f"the example {name} was not installed", "pip install --force-reinstall nbprod")


def start_project(folder: Path) -> list[Path]:
    """Write settings, `.gitignore` and a first notebook into `folder`, keep what exists, return what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    templates = {
        "pyproject.toml": "[tool.nbprod]\n# store, tracking, target, parameters; [tool.nbprod.profile.prod]\n",
        ".gitignore": ".nbprod/\n.ipynb_checkpoints/\n",
        "example.ipynb": shipped_example("churn.ipynb").read_text(encoding="utf-8"),
    }
    written = []
    for name, text in templates.items():
        path = folder / name
        if not path.exists():
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written
