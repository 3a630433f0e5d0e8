"""Engine `nbprod`: a job's cells in a worker process, without a kernel."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import StageFailed, Where
from nbprod.execution import environment
from nbprod.execution.executed import Executed
from nbprod.execution.kernels import of_name
from nbprod.execution.overrides import source
from nbprod.execution.session import ProcessDiedError, Session, TimedOutError, death, fatal
from nbprod.worker.formats import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbprod.worker.formats import StageSpec, StepSpec


class SessionEngine:
    """The default engine. Stages of a run go to worker sessions directly; this executes a job on its own."""

    name = "nbprod"

    def execute(self, job: Path, output: Path, parameters: Mapping[str, Any], *, kernel: str, cwd: Path) -> None:
        """Execute `job`, leave the executed notebook at `output`; raises `StageFailed` when a cell raised."""
        content = json.loads(job.read_text(encoding="utf-8"))
        given = {name: source(value) for name, value in parameters.items()}
        steps = steps_of(content, given)
        executed = Executed(job.stem, steps, given, content["metadata"])
        try:
            for event in events(steps, kernel, cwd, content["metadata"].get("nbprod", {}).get("timeout")):
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
            steps.append(_step(number, cell.get("id") or f"cell-{number}", "".join(cell["source"])))
        if lines and number == place:
            steps.append(_step(number, "injected-parameters", lines))
    return steps


def events(steps: Sequence[StepSpec], kernel: str, cwd: Path, timeout: float | None = None) -> Iterator[dict[str, Any]]:
    """Execute steps in a worker of the kernel's interpreter and yield what happens."""
    spec: StageSpec = {
        "format": FORMAT,
        "run": "",
        "notebook": "",
        "stage": "",
        "steps": list(steps),
        "parameters": {},
        "inputs": [],
        "state": [],
        "references": [],
        "patches": [],
        "outputs": [],
        "metrics": [],
        "buffers": "",
        "manifest": "",
        "cwd": str(cwd),
        "mlflow": None,
        "model": None,
    }
    session = Session(of_name(kernel) or Path(sys.executable), {**os.environ, **environment.fixed()}, cwd)
    try:
        for event in session.run({"op": "notebook", "spec": spec}, timeout):
            if event["event"] == "fatal":
                raise fatal(event)
            yield event
        session.dismiss()
        session.close()
    finally:
        session.kill()


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
