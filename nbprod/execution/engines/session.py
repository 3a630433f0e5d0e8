"""Engine `nbprod`: a job's cells in a worker process, without a kernel."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nbprod.core.errors import StageFailed, Where
from nbprod.execution import environment
from nbprod.execution.executed import Executed
from nbprod.execution.imports import imported
from nbprod.execution.kernels import of_name, this
from nbprod.execution.overrides import source
from nbprod.execution.session import ProcessDiedError, Session, TimedOutError, death, fatal
from nbprod.execution.zygotes import Warm
from nbprod.worker.formats import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbprod.worker.formats import StepSpec


class SessionEngine:
    """The default engine. Stages of a run go to worker sessions directly; this executes a job on its own."""

    name = "nbprod"

    def execute(self, job: Path, output: Path, parameters: Mapping[str, Any], *, kernel: str, cwd: Path) -> None:
        """Execute `job`, leave the executed notebook at `output`; raises `StageFailed` when a cell raised."""
        content = json.loads(job.read_text(encoding="utf-8"))
        given = {name: source(value) for name, value in parameters.items()}
        steps = steps_of(content, given)
        executed = Executed(job.stem, steps, given, content["metadata"], output)
        timeout = content["metadata"].get("nbprod", {}).get("timeout")
        try:
            with Cells(kernel, cwd, steps, job.name) as cells:
                for event in cells.run(steps, timeout=timeout):
                    executed.take(event)
                    if event["event"] == "failed":
                        raise _failure(event, job, output)
        except ProcessDiedError as error:
            text, hint = death(error, job.stem)
            executed.died(text)
            raise StageFailed("NB503", text, hint) from error
        except TimedOutError as error:
            text = f"{job.stem} took longer than its timeout"
            executed.died(text)
            raise StageFailed("NB505", text, "give it more time: timeout") from error
        finally:
            executed.write(output)


class Cells:
    """Cells of a notebook in a worker of its kernel's interpreter, in one namespace.

    Parameters
    ----------
    kernel
        Name of the kernel; where there is none of that name, this interpreter is taken.
    cwd
        Where they run.
    steps
        What will be run; what it imports may be imported ahead.
    notebook
        Its name, for tracebacks.
    """

    def __init__(self, kernel: str, cwd: Path, steps: Sequence[StepSpec] = (), notebook: str = "notebook") -> None:
        self._cwd = cwd
        self._notebook = notebook
        python = of_name(kernel) or Path(sys.executable)
        variables = environment.of_stage(None)
        self._session = Session(python, variables, cwd, _warm(python, variables, steps))

    def run(self, steps: Sequence[StepSpec], first: int = 0, timeout: float | None = None) -> Iterator[dict[str, Any]]:
        """Execute steps and yield what happens; the `index` of the first one's events is `first`.

        Raises
        ------
        ProcessDiedError, TimedOutError
            As `Session.run`.
        """
        spec = {**EMPTY, "notebook": self._notebook, "steps": list(steps), "cwd": str(self._cwd)}
        for event in self._session.run({"op": "notebook", "spec": spec}, timeout):
            if event["event"] == "fatal":
                raise fatal(event)
            yield event if event.get("index") is None else {**event, "index": event["index"] + first}

    def language(self) -> dict[str, Any]:
        """Return the `language_info` of a notebook's metadata, as ipykernel has it."""
        version = self._session.version
        mode = {"name": "ipython", "version": int(version.partition(".")[0])}
        about = {"name": "python", "version": version, "mimetype": "text/x-python", "file_extension": ".py"}
        return {**about, "codemirror_mode": mode, "pygments_lexer": "ipython3", "nbconvert_exporter": "python"}

    def interrupt(self) -> None:
        """Give the running cell a KeyboardInterrupt, then end the process."""
        self._session.interrupt()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        """End the process, at once when something went wrong."""
        if kind is None:
            self._session.dismiss()
            self._session.close()
        else:
            self._session.kill()


def _warm(python: Path, variables: Mapping[str, str], steps: Sequence[StepSpec]) -> Warm | None:
    """Return the zygote to fork from; an interpreter other than this one is not asked what is installed there."""
    if python != Path(sys.executable) or not steps:
        return None
    return Warm(this(), variables, imported(step["source"] for step in steps))


def steps_of(content: Mapping[str, Any], parameters: Mapping[str, str] | None = None) -> list[StepSpec]:
    """Return the code cells of a notebook as steps, parameters injected after the cell tagged for them."""
    steps: list[StepSpec] = []
    lines = "\n".join(f"{name} = {text}" for name, text in (parameters or {}).items())
    tagged = [number for number, cell in enumerate(content["cells"], 1) if _tagged(cell)]
    place = tagged[0] if tagged else 0
    if lines and not place:
        steps.append(_step(0, "injected-parameters", lines))
    for number, cell in enumerate(content["cells"], 1):
        if cell["cell_type"] == "code":
            step = _step(number, cell.get("id") or f"cell-{number}", "".join(cell["source"]))
            tags = cell["metadata"].get("tags", ())
            steps.append({**step, "tolerant": True} if "raises-exception" in tags else step)
        if lines and number == place:
            steps.append(_step(number, "injected-parameters", lines))
    return steps


def _tagged(cell: Mapping[str, Any]) -> bool:
    return cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", ())


def _step(number: int, cell_id: str, text: str) -> StepSpec:
    return {"kind": "cell", "cell": number, "cell_id": cell_id, "source": text, "first_line": 1}


def _failure(event: Mapping[str, Any], job: Path, output: Path) -> StageFailed:
    where = Where(job.name, event.get("cell"), event.get("cell_id"), event.get("line"))
    code = "NB502" if event["kind"] == "exit" else "NB501"
    error = StageFailed(code, f"{event['ename']}: {event['evalue']}", f"executed notebook: {output}", where)
    error.traceback = tuple(event["traceback"])
    return error
