"""Runs stages as job notebooks through an engine that knows nothing of stages."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbprod import plugins
from nbprod.core.errors import StageFailed, UnavailableError
from nbprod.execution import jobs
from nbprod.store.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from nbprod.config import Project
    from nbprod.core.pipeline import Stage
    from nbprod.execution.runner import Work


class JobRunner:
    """Executes stages through the engine plug-in of that name, each from a job notebook in a kernel of its own."""

    def __init__(self, engine: str, project: Project) -> None:
        self.engine = plugins.engine(engine)
        self.home = project.home
        self.folder = project.home / "worker" / jobs.worker_version()

    def joins(self, name: str) -> bool:  # noqa: ARG002 - whatever it is
        """Return False: a kernel ends with its job."""
        return False

    def needs(self, stage: Stage, name: str) -> bool:  # noqa: ARG002 - to be on the safe side
        """Return True."""
        return True

    def execute(self, work: Work, hear: Callable[[Mapping[str, Any]], None]) -> None:
        """Execute one stage until its manifest is written."""
        self._fits(work)
        jobs.copy_worker(self.folder)
        kernel = self._kernel(work)
        draft = self.home / "jobs" / work.spec["run"]
        job, failed = draft / f"{work.stage.name}.ipynb", draft / f"{work.stage.name}.failed.json"
        failed.unlink(missing_ok=True)
        given = jobs.cells(
            work.spec,
            begin=jobs.begin_with_inputs(work.spec),
            prepare=jobs.prepare(self.folder, failed),
            overrides=work.spec["parameters"],
        )
        content = jobs.notebook(given, work.pipeline.metadata, work.stage.name, kernel)
        content["metadata"]["nbprod"]["timeout"] = work.stage.options.timeout
        jobs.write(job, content)
        try:
            with _environment({**work.environment, "JUPYTER_PATH": self._jupyter_path(work)}):
                self.engine.execute(job, work.executed, {}, kernel=kernel, cwd=_folder(work))
        except StageFailed as error:
            raise _told(failed, work, given) or error from error
        finally:
            _replay(work, hear)
        self._finished(work, failed, given)

    def settle(self, *, keep: bool) -> None:
        """Do nothing: a kernel ends with its job."""

    def alive(self) -> frozenset[str]:
        """Return no stage."""
        return frozenset()

    def dismiss(self) -> None:
        """Do nothing: a kernel ends with its job."""

    def close(self, *, at_once: bool = False) -> None:
        """Do nothing: a kernel ends with its job."""

    def _fits(self, work: Work) -> None:
        check = getattr(self.engine, "missing", None)
        lacking = check(work.python.python) if check else None
        if lacking:
            raise UnavailableError("NB926", lacking, "use --engine nbprod, or --engine papermill")

    def _kernel(self, work: Work) -> str:
        """Return the name of a kernelspec of ours for the stage's interpreter, written when it is not there."""
        name = f"nbprod-{_short(str(work.python.python))}"
        file = self.home / "kernels" / name / "kernel.json"
        if not file.exists():
            argv = [str(work.python.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            write_json(file, {"argv": argv, "display_name": work.python.kernel, "language": "python"})
        return name

    def _jupyter_path(self, work: Work) -> str:
        before = work.environment.get("JUPYTER_PATH")
        return os.pathsep.join([str(self.home), before] if before else [str(self.home)])

    def _finished(self, work: Work, failed: Path, cells: list[dict[str, Any]]) -> None:
        """Raise unless the job reached its end: some engines do not notice that a cell ended it."""
        if os.path.exists(work.spec["manifest"]):  # noqa: PTH110 - a text from the spec
            return
        told = _told(failed, work, cells)
        if told is not None:
            raise told
        text = f"the job of stage {work.stage.name} ended before its last cell"
        raise StageFailed("NB502", text, f"executed notebook: {work.executed}", work.where(None))


def _told(failed: Path, work: Work, cells: list[dict[str, Any]]) -> StageFailed | None:
    """Return the error of the cell that failed, as the job itself put it down."""
    try:
        event = json.loads(failed.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    about: dict[str, Any] = next(
        (c["metadata"]["nbprod"] for c in cells if _source(c) == event["source"].rstrip("\n")), {}
    )
    if event["ename"] == "JobFailed":
        return StageFailed("NB507", event["evalue"], f"executed notebook: {work.executed}", work.where(None))
    index = about.get("index")
    first = work.spec["steps"][index]["first_line"] if index is not None else 1
    where = work.where(index, event["line"] + first - 1 if event["line"] else None)
    code = "NB502" if event["kind"] == "exit" else "NB501"
    text = event["evalue"] if event["kind"] == "exit" else f"{event['ename']}: {event['evalue']}".rstrip(": ")
    error = StageFailed(code, text, f"executed notebook: {work.executed}", where)
    error.traceback = tuple(event["traceback"])
    return error


def _about(cells: list[dict[str, Any]], source: str) -> dict[str, Any]:
    """Return what the job's cell with that source says of itself."""
    same = [cell for cell in cells if _source(cell) == source.rstrip("\n")]
    about: dict[str, Any] = same[0]["metadata"]["nbprod"] if same else {}
    return about


def _source(cell: Mapping[str, Any]) -> str | None:
    if cell["cell_type"] != "code":
        return None
    return "".join(cell["source"]).rstrip("\n")


def _replay(work: Work, hear: Callable[[Mapping[str, Any]], None]) -> None:
    """Tell of what the executed notebook shows, as if it had just happened."""
    try:
        content = json.loads(work.executed.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    for cell in content["cells"]:
        index = cell["metadata"].get("nbprod", {}).get("index")
        if index is None or cell.get("execution_count") is None:
            continue
        hear({"event": "cell-started", "index": index})
        for output in cell["outputs"]:
            hear({"event": "output", "index": index, "output": output})


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Give engines, which start kernels with our environment, the one fixed for the run."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _folder(work: Work) -> Path:
    from pathlib import Path

    return Path(work.spec["cwd"])


def _short(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:12]
