"""The error tree of nbprod, all of it.

NbprodError                 every error nbprod raises on purpose
├─ UsageError               wrong arguments (exit 2)
├─ UnavailableError         a tool, a kernel or the network is missing (exit 3)
├─ ConfigError              unreadable configuration
├─ NotebookError            the file is not a notebook nbprod can read, or not writable
├─ AnalysisError            refused before anything ran; carries the diagnostics
├─ PlanError                the pipeline cannot be planned with these arguments
│  └─ BoundaryError         a value cannot cross a stage boundary
├─ ExecutionError           a run went wrong; carries the run
│  └─ StageFailed           a cell raised, or its process died
├─ StoreError               the store or the ledger is damaged, full or unwritable
│  ├─ StoreUnreachable      a store elsewhere cannot be used (also an UnavailableError)
│  └─ MissingValue          a run has no such value (also a KeyError)
├─ ModelError               no model, several models, or an unusable one
├─ TrackingError            MLflow could not be fed
├─ PackagingError           an image could not be built
├─ DeployError              an endpoint could not be started, reached or stopped
├─ ScheduleError            a schedule is unknown or wrong
├─ MonitorError             a prediction log or drift report is unusable
└─ ExportError              an exporter is unknown or refused the pipeline
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from nbprod.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.core.pipeline import Diagnostic
    from nbprod.core.run import Run


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a notebook; `cell` is 1-based over all cells, `line` 1-based in the cell as its author sees it."""

    notebook: str | None = None
    cell: int | None = None
    cell_id: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """Return `churn.ipynb cell 7 line 3`, as far as known."""
        parts = [self.notebook or ""]
        if self.cell is not None:
            parts.append(f"cell {self.cell}")
        if self.line is not None:
            parts.append(f"line {self.line}")
        return " ".join(part for part in parts if part)


class NbprodError(Exception):
    """What happened, where, and the one thing to do next.

    Parameters
    ----------
    code
        Stable identifier such as ``NB201``; `nbprod check --explain CODE` tells more about diagnostics.
    message
        What happened, in the user's words.
    hint
        What to do next, or None.
    where
        The place in a notebook, or None.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, hint: str | None = None, where: Where | None = None) -> None:
        super().__init__(code, message, hint, where)
        self.code = code
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        """Return message, place and hint on up to three lines."""
        head = f"{self.code}  {self.where}  {self.message}" if self.where else f"{self.code}  {self.message}"
        return f"{head}\n  {self.hint}" if self.hint else head

    def _render_traceback_(self) -> list[str]:
        # IPython asks this: in a notebook a user's mistake shows the message, not the frames of nbprod.
        return str(self).splitlines()

    def as_json(self) -> dict[str, Any]:
        """Return the `error` object of CONTRACT.md."""
        where = asdict(self.where) if self.where else None
        return {"code": self.code, "message": self.message, "hint": self.hint, "where": where}


class UsageError(NbprodError):
    """Wrong arguments."""

    exit_code = 2


class UnavailableError(NbprodError):
    """A tool, a kernel, a package or the network is missing."""

    exit_code = 3


class ConfigError(NbprodError):
    """The configuration cannot be read or holds an unknown key."""

    exit_code = 2


class NotebookError(NbprodError):
    """The file is not a notebook nbprod can read or write."""


class AnalysisError(NbprodError):
    """Refused before anything ran.

    Parameters
    ----------
    diagnostics
        All findings, errors first.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str | None = None,
        where: Where | None = None,
        diagnostics: Sequence[Diagnostic] = (),
    ) -> None:
        super().__init__(code, message, hint, where)
        self.diagnostics = tuple(diagnostics)

    @classmethod
    def of(cls, diagnostics: Sequence[Diagnostic]) -> AnalysisError:
        """Return the error that carries `diagnostics`, worded after the first of severity `error`."""
        first = next(item for item in diagnostics if item.severity == "error")
        return cls(first.code, first.message, first.fix, first.where, diagnostics)


class PlanError(NbprodError):
    """The pipeline cannot be planned with these arguments."""


class BoundaryError(PlanError):
    """A value cannot cross a stage boundary."""


class ExecutionError(NbprodError):
    """A run went wrong.

    Parameters
    ----------
    run
        The run as far as it got, or None when none was begun.

    Attributes
    ----------
    traceback
        The user's own traceback, trimmed to their cells, one line an entry; empty when no cell raised.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str | None = None,
        where: Where | None = None,
        run: Run | None = None,
    ) -> None:
        super().__init__(code, message, hint, where)
        self.run = run
        self.traceback: tuple[str, ...] = ()


class StageFailed(ExecutionError):
    """A cell raised, or the stage's process died."""


class StoreError(NbprodError):
    """The store or the ledger is damaged, full or unwritable."""


class StoreUnreachable(StoreError, UnavailableError):
    """A store elsewhere does not answer, or not to us."""


class MissingValue(StoreError, KeyError):
    """A run has no such value; the message says why."""

    __str__ = NbprodError.__str__


class ModelError(NbprodError):
    """No model, several models, or an unusable one."""


class TrackingError(NbprodError):
    """MLflow could not be fed."""


class PackagingError(NbprodError):
    """An image could not be built."""


class DeployError(NbprodError):
    """An endpoint could not be started, reached or stopped."""


class ScheduleError(NbprodError):
    """A schedule is unknown or wrong."""


class MonitorError(NbprodError):
    """A prediction log or a drift report is unusable."""


class ExportError(NbprodError):
    """An exporter is unknown or refused the pipeline."""
