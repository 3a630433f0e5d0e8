"""`papermill --engine nbprod`: papermill's own command, cells in a worker process instead of a kernel.

Only papermill loads this module, so it may import papermill at its top.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from papermill.engines import Engine  # noqa: TID253 - loaded by papermill itself, see above
from papermill.exceptions import PapermillExecutionError  # noqa: TID253 - as above

from nbprod.execution.engines.session import events, steps_of
from nbprod.execution.executed import Executed

if TYPE_CHECKING:
    from collections.abc import Mapping


class NbprodPapermillEngine(Engine):  # type: ignore[misc]  # papermill is untyped
    """Papermill's engine contract over a worker session."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        """Execute the cells of `nb_man.nb` in order, stopping at the first that raises."""
        steps = steps_of(nb_man.nb)
        cells = [cell for cell in nb_man.nb.cells if cell.cell_type == "code"]
        executed = Executed("papermill", steps, {}, {})
        for event in events(steps, kernel_name, Path.cwd(), options.get("execution_timeout")):
            executed.take(event)
            index = event.get("index")
            if isinstance(index, int):
                cls._show(nb_man, cells[index], executed.cells[index], event)

    @staticmethod
    def _show(nb_man: Any, cell: Any, done: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        from nbformat import from_dict

        if event["event"] == "cell-started":
            nb_man.cell_start(cell)
            return
        cell.outputs = [from_dict(_joined(output)) for output in done["outputs"]]  # type: ignore[no-untyped-call]  # nbformat's
        cell.execution_count = done["execution_count"]
        if event["event"] == "cell-finished":
            nb_man.cell_complete(cell)
        elif event["event"] == "failed":
            nb_man.cell_exception(cell, exception=None)
            raise PapermillExecutionError(
                event["cell"], None, cell.source, event["ename"], event["evalue"], event["traceback"]
            )


def _joined(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return an output as nbformat holds it in memory: texts whole, not in lines."""
    found = dict(output)
    if found["output_type"] == "stream":
        found["text"] = "".join(found["text"])
    return found
