"""What is still to be told: one file a run, a line an event; and where the user's own MLflow calls land.

`.nbprod/journal/<run>.jsonl` is written by the process that runs the pipeline and removed by the publisher once every
tracker has it. Only the standard library is used here: this is on the path of every run.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from nbprod.tracking import context
from nbprod.tracking.lock import alive, identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbprod.config import Project
    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Event, RunOptions
    from nbprod.core.sweep import Sweep

Entry = dict[str, Any]
KINDS = {"run-started", "stage-started", "stage-finished", "run-finished", "note"}
ENDS = ("run-finished", "sweep-finished")
OPEN_TIMEOUT = 90.0
UNREACHABLE = (OSError, ValueError, IndexError, subprocess.SubprocessError)


def folder(home: Path) -> Path:
    """Return the folder of the journals."""
    return home / "journal"


def read(path: Path) -> list[Entry]:
    """Return the entries of a journal; a last line cut off by a kill is left out."""
    entries: list[Entry] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries


def whole(path: Path) -> list[Entry]:
    """Return the entries of a journal, what Git said when the run began put into the first one's context."""
    entries = read(path)
    if entries and "context" in entries[0]:
        pid, born = entries[0]["context"].pop("asked_git", (None, None))
        entries[0]["context"].setdefault("git", context.git_said(pid, born, path.with_suffix(".git")))
    return entries


def ready(home: Path) -> list[Path]:
    """Return the journals of runs that are over, oldest first: finished, or their process is gone."""
    found = []
    for path in folder(home).glob("*.jsonl"):
        try:
            entries = read(path)
        except OSError:
            continue
        if entries and (entries[-1]["kind"] in ENDS or not _running(entries[0])):
            found.append((entries[0]["at"], path))
    return [path for _, path in sorted(found)]


def _running(first: Entry) -> bool:
    process = first.get("context", {}).get("process", {"pid": 0, "born": None})
    return alive(process["pid"], process["born"])


def _last_line(error: Exception) -> str:
    return str((getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1])


class Journal:
    """The journal of a project.

    Parameters
    ----------
    project
        Whose runs are told of.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._current: RunJournal | None = None

    def listener(self, pipeline: Pipeline, options: RunOptions) -> RunJournal:
        """Return the listener that writes the journal of one run of `pipeline`."""
        self._current = RunJournal(self.project, pipeline, options)
        return self._current

    def sweep(self, pipeline: Pipeline, options: RunOptions, sweep: Sweep, *, ended: bool) -> None:
        """Tell of a sweep of `pipeline` as a whole: that it goes on, or how it ended. A sweep never fails for it."""
        entry = {
            "seq": 1,
            "at": int(time.time() * 1000),
            "run": f"sweep-{sweep.id}",
            "kind": "sweep-finished" if ended else "sweep-started",
            "stage": None,
            "data": sweep.as_json(),
            "context": {**context.gather(self.project, pipeline, options, {}), "git": {}},
        }
        path = folder(self.project.home) / f"sweep-{sweep.id}.jsonl"
        with contextlib.suppress(OSError, ValueError, TypeError):
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".part")
            draft.write_text(json.dumps(entry, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
            draft.replace(path)

    def stage(self, stage: str) -> Mapping[str, Any] | None:
        """Return the `MlflowSpec` of a stage of the run going on, its MLflow run made now; None without MLflow."""
        return self._current.stage(stage) if self._current else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be told of the run going on."""
        return tuple(self._current.notes) if self._current else ()


class RunJournal:
    """Writes the journal of one run; a listener of its events.

    Parameters
    ----------
    project, pipeline, options
        What runs, where, and what the user asked for.

    Attributes
    ----------
    notes
        What could not be done; a run never fails for its journal.
    """

    def __init__(self, project: Project, pipeline: Pipeline, options: RunOptions) -> None:
        self.project = project
        self.pipeline = pipeline
        self.options = options
        self.notes: list[str] = []
        self._path: Path | None = None
        self._run = ""
        self._count = 0
        self._offline = False
        self._git: subprocess.Popen[bytes] | None = None

    def __call__(self, event: Event, /) -> None:
        """Append one event."""
        if event.kind not in KINDS:
            return
        try:
            if event.kind == "run-started":
                self._begin(event)
            elif self._path is not None:
                self._append(event, {})
        except (OSError, ValueError, TypeError) as error:
            self.notes.append(f"the journal for MLflow could not be written: {error}")

    def stage(self, stage: str) -> Mapping[str, Any] | None:
        """Make the MLflow runs of this run and `stage` in a process of its own, and return where calls land.

        While MLflow cannot be reached that is a store of their own below the project's home: no stage fails for it.
        """
        if self._path is None:
            return None
        if not self._offline:
            try:
                return self._open(stage, self.project.home)
            except UNREACHABLE as error:
                self._offline = True
                self.notes.append(
                    f"MLflow cannot be reached, so the notebook's own calls to it are kept in {self._aside()}"
                )
                self.notes.append(_last_line(error))
        try:
            self._set_aside()
            return self._open(stage, self._aside())
        except UNREACHABLE as error:
            self.notes.append(f"the notebook's own calls to MLflow are not recorded: {_last_line(error)}")
            return None

    def _open(self, stage: str, home: Path) -> Mapping[str, Any]:
        command = [sys.executable, "-m", "nbprod.tracking", str(self.project.root), "--home", str(home)]
        done = subprocess.run(
            [*command, "--open", self._run, "--stage", stage],
            env=context.child_environment(),
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=OPEN_TIMEOUT,
            check=True,
        )
        spec: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return spec

    def _aside(self) -> Path:
        return self.project.home / "offline"

    def _set_aside(self) -> None:
        """Give the run a journal beside the project's own, for a store that is a file."""
        assert self._path is not None
        copy = folder(self._aside()) / self._path.name
        if copy.exists():
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        first = whole(self._path)[0]
        first["context"]["tracking_uri"] = f"sqlite:///{self._aside()}/mlflow.db"
        copy.write_text(json.dumps(first) + "\n", encoding="utf-8")

    def _begin(self, event: Event) -> None:
        self._run = str(event.data["run"])
        path = folder(self.project.home) / f"{self._run}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._path = path
        found = context.gather(self.project, self.pipeline, self.options, event.data)
        notebook = self.project.notebook(self.pipeline.notebook)
        self._git = context.ask_git(notebook.parent, path.with_suffix(".git"))
        found["asked_git"] = (self._git.pid, identity(self._git.pid)) if self._git else (None, None)
        self._append(event, {"context": found})

    def _append(self, event: Event, more: Mapping[str, Any]) -> None:
        assert self._path is not None
        self._count += 1
        entry = {
            "seq": self._count,
            "at": int(time.time() * 1000),
            "run": self._run,
            "kind": event.kind,
            "stage": event.stage,
            "data": dict(event.data),
            **more,
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")
        if self._git is not None and self._git.poll() is None and event.kind == "run-finished":
            self._git.returncode = 0  # it ends without us: Popen's destructor must not warn that nobody waited
