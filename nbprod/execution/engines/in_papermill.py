"""`papermill --engine nbprod`: papermill's own command, cells in a worker process instead of a kernel.

Only papermill loads this module, so it may import papermill at its top.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papermill.engines import Engine  # noqa: TID253 - loaded by papermill itself, see above
from papermill.log import logger  # noqa: TID253 - as above

from nbprod.execution.checkpoints import Checkpoints
from nbprod.execution.engines.session import Cells, steps_of
from nbprod.execution.executed import Executed, now
from nbprod.execution.kernels import of_name
from nbprod.execution.session import ProcessDiedError, TimedOutError, death

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMES = {
    "cell-started": ("iopub.status.busy", "iopub.execute_input"),
    "cell-finished": ("shell.execute_reply", "iopub.status.idle"),
}
"""Events, and the messages of a kernel whose times nbclient keeps in a cell's metadata."""
OUR_OWN = ("", "python", "python3")
SKIP = "skip-execution"


class NbprodPapermillEngine(Engine):  # type: ignore[misc]  # papermill is untyped
    """Papermill's engine contract over a worker session."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        """Execute the cells of `nb_man.nb` in order, stopping at the first that raises."""
        from jupyter_client.kernelspec import NoSuchKernel

        if kernel_name not in OUR_OWN and of_name(kernel_name) is None:
            raise NoSuchKernel(kernel_name)
        timeout = options.get("execution_timeout") or options.get("timeout")
        managed = Managed(nb_man, Log(options))
        name = Path(str(options.get("input_path") or "notebook")).name
        with Cells(kernel_name, Path.cwd(), managed.steps, name) as cells, managed.saving():
            managed.execute(cells, timeout if timeout and timeout > 0 else None)


class Log:
    """Papermill's log and files of what cells show.

    Parameters
    ----------
    options
        Papermill's: `log_output`, `stdout_file`, `stderr_file`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._log = bool(options.get("log_output"))
        self._files = {name: options.get(f"{name}_file") for name in ("stdout", "stderr")}

    def output(self, output: Mapping[str, Any]) -> None:
        """Tell of an output."""
        if output["output_type"] == "stream":
            self._stream(output["name"], output["text"])
        elif self._log and "text/plain" in output.get("data", ()):
            logger.info(output["data"]["text/plain"])

    def _stream(self, name: str, text: str) -> None:
        if self._log:
            (logger.info if name == "stdout" else logger.warning)(text)
        file = self._files[name]
        if file:
            file.write(text)
            file.flush()


class Managed:
    """A notebook that papermill manages, and what its cells have shown so far.

    Papermill has the whole notebook written before and after each cell. Here it is written soon after, and no more
    often than takes a twentieth of the time; papermill itself writes it at the beginning and at the end.

    Parameters
    ----------
    nb_man
        Papermill's `NotebookExecutionManager`.
    log
        Who is told of outputs.
    """

    def __init__(self, nb_man: Any, log: Log) -> None:
        self._manager = nb_man
        self._log = log
        self._cells = list(nb_man.nb.cells)
        code = [at for at, cell in enumerate(self._cells) if cell.cell_type == "code"]
        self.steps = steps_of(nb_man.nb)
        self._executed = Executed("papermill", self.steps, {}, {})
        self._places = {at: number for number, at in enumerate(code)}
        self._changed: set[int] = set()

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Write the notebook in the background when papermill wants it written, as long as cells are executed."""
        manager = self._manager
        write = manager.save

        def save() -> None:
            self._show()
            write()

        checkpoints = Checkpoints(save)
        self._lock = checkpoints.lock
        manager.save = lambda **_nb: checkpoints.changed()
        try:
            yield
        finally:
            checkpoints.end()
            del manager.save
            self._show()
            widgets = self._executed.widgets.metadata()
            if widgets is not None:
                manager.nb.metadata["widgets"] = widgets

    def execute(self, cells: Cells, timeout: int | None) -> None:
        """Execute all cells, up to the first that fails; each may take `timeout` seconds."""
        for at, cell in enumerate(self._cells):
            with self._lock:
                self._manager.cell_start(cell, at)
            failed = True
            try:
                failed = self._runs(cell) and self._cell(cells, at, timeout)
            finally:
                with self._lock:
                    self._show()
                    if failed:
                        self._manager.cell_exception(cell, cell_index=at)
                    self._manager.cell_complete(cell, cell_index=at)
            if failed:
                break
        self._manager.nb.metadata["language_info"] = cells.language()

    @staticmethod
    def _runs(cell: Any) -> bool:
        return cell.cell_type == "code" and bool(cell.source.strip()) and SKIP not in cell.metadata.get("tags", ())

    def _cell(self, cells: Cells, at: int, timeout: int | None) -> bool:
        """Execute a cell; returns whether it failed."""
        from nbclient.exceptions import CellTimeoutError, DeadKernelError

        number, failed = self._places[at], False
        self._cells[at].metadata["execution"] = {}
        times = self._cells[at].metadata["execution"]  # nbformat keeps a copy
        try:
            for event in cells.run([self.steps[number]], number, timeout):
                with self._lock:
                    self._take(number, event)
                    times.update(dict.fromkeys(TIMES.get(event["event"], ()), f"{now()}Z"))
                failed = event["event"] == "failed"
        except TimedOutError:
            cell = self._cells[at]
            text = "Cell execution timed out"
            raise CellTimeoutError.error_from_timeout_and_cell(text, timeout or 0, cell) from None
        except ProcessDiedError as error:
            raise DeadKernelError(f"Kernel died: {death(error, 'the cell')[0]}") from None
        except KeyboardInterrupt:
            cells.interrupt()
            raise
        return failed

    def _take(self, number: int, event: Mapping[str, Any]) -> None:
        if event["event"] == "failed" and event["kind"] == "exit":  # papermill judges by the status itself
            event = {**event, "evalue": event["status"]}
        self._executed.take(event)
        everywhere = event["event"] == "update" or "transient" in event.get("output", ())
        self._changed.update(range(number + 1) if everywhere else (number,))
        if event["event"] == "output":
            self._log.output(event["output"])
            self._manager.autosave_cell()

    def _show(self) -> None:
        """Put what was shown since the last time into papermill's notebook."""
        from nbformat import from_dict

        for at, number in self._places.items():
            if number in self._changed:
                done, cell = self._executed.cells[number], self._cells[at]
                cell.outputs = from_dict(self._executed.outputs(number))  # type: ignore[no-untyped-call]  # nbformat's
                cell.execution_count = done["execution_count"]
        self._changed.clear()
