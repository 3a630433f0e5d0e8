"""The tracker `mlflow`: a parent run per pipeline run, a child per stage, the model by MLflow's own `log_model` path.

Everything is found again by its tags before it is made, and what was made is noted in a state file, so that a
publisher killed at any instant goes on without a duplicate. All times and values come from the journal: doing a step
twice changes nothing.
"""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nbprod.core.errors import TrackingError
from nbprod.tracking import mlflow_sweeps
from nbprod.tracking.context import with_password
from nbprod.tracking.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.tracking.mlflow_runs import Publication

CONNECT_TIMEOUT = 5.0

_log = logging.getLogger(__name__)


class MlflowTracker:
    """Feeds MLflow; see `nbprod.core.protocols.Tracker`."""

    name = "mlflow"

    def publish(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Tell MLflow of one run; raises `TrackingError` when it cannot be fed now."""
        record = RunRecord.of(entries)
        publication = _reach(record)
        try:
            if entries[0]["kind"].startswith("sweep-"):
                mlflow_sweeps.publish(publication, entries[-1]["data"])
                return
            found = publication.run()
        except Exception as error:
            _log.debug("run %s", record.run, exc_info=True)
            raise _failed(record, error) from error
        _note(Path(record.context["home"]) / "runs" / record.run, found)

    def open_stage(self, entries: Sequence[Mapping[str, Any]], stage: str) -> dict[str, str]:
        """Make the MLflow runs of a pipeline run and of one stage now; returns the stage's `MlflowSpec`."""
        record = RunRecord.of(entries)
        publication = _reach(record)
        try:
            return publication.open(stage)
        except Exception as error:
            raise _failed(record, error) from error


def _reach(record: RunRecord) -> Publication:
    """Return the publication of a run, MLflow imported; raises `TrackingError` at once when its server is not there."""
    uri = record.context["tracking_uri"]
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        try:
            socket.create_connection(address, CONNECT_TIMEOUT).close()
        except OSError as error:
            raise _failed(record, error) from error
    from nbprod.tracking.mlflow_runs import Publication

    try:
        return Publication(record)
    except Exception as error:
        raise _failed(record, error) from error


def _failed(record: RunRecord, error: Exception) -> TrackingError:
    uri = record.context["tracking_uri"]
    reason = str(error).replace(with_password(uri), uri).strip().splitlines() or [type(error).__name__]
    return TrackingError(
        "NB800",
        f"MLflow at {uri} cannot be fed: {reason[0]}",
        "the journal keeps the run; the next run tries again",
    )


def _note(folder: Path, found: Mapping[str, Any]) -> None:
    """Write what MLflow calls the run beside the run's own files."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / ".registered.json.part"
    draft.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / "registered.json")
