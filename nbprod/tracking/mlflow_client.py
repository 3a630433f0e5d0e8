"""A quiet MLflow client for one tracking address; the only place that knows how its stores are set up."""

from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.tracking.context import with_password
from nbprod.tracking.lock import ProcessLock

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from nbprod.tracking.record import RunRecord

NAME_LIMIT = 250
TEXT_LIMIT = 5000
SETUP_TIMEOUT = 120.0


def connect(record: RunRecord) -> tuple[MlflowClient, str]:
    """Return a client and the id of the run's experiment, both made when they are not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    uri = record.context["tracking_uri"]
    mlflow.set_tracking_uri(with_password(uri))
    if record.context.get("registry_uri"):
        mlflow.set_registry_uri(record.context["registry_uri"])
    home = Path(record.context["home"])
    lock = ProcessLock(home / "journal" / "mlflow-setup.lock")
    if not lock.acquire(SETUP_TIMEOUT):
        raise TimeoutError("another process has been setting up MLflow's store for two minutes")
    try:
        _make(uri, home)
        client = mlflow.MlflowClient()
        return client, _experiment(client, record.context["name"], _artifacts(uri, home, record.context["name"]))
    finally:
        lock.release()


def _make(uri: str, home: Path) -> None:
    """Make a database that is a file, whole or not at all: MLflow cannot go on with one that was cut off."""
    scheme, _, name = uri.partition(":///")
    path = Path(name.partition("?")[0])
    if scheme != "sqlite" or name.startswith(":") or path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    draft = path.with_name(f"{path.name}.part")
    for left in (draft, draft.with_name(f"{draft.name}-journal")):
        left.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    store: Any = SqlAlchemyStore(f"sqlite:///{draft}", (home / "mlartifacts").as_uri())  # type: ignore[no-untyped-call]  # MLflow's
    store.engine.dispose()
    draft.replace(path)


def _artifacts(uri: str, home: Path, name: str) -> str | None:
    """Return where an experiment's artifacts go: a server decides itself, a bare database would use the cwd."""
    if uri.startswith(("http://", "https://", "databricks", "file:")) or "://" not in uri:
        return None
    folder = home / "mlartifacts" / re.sub(r"[^\w.-]", "_", name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder.as_uri()


def _experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, artifact_location=artifacts))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def key(name: str) -> str:
    """Return `name` with only the characters MLflow takes in the names of parameters, metrics and models."""
    return re.sub(r"[^\w\-. ]", "_", name)[:NAME_LIMIT]


def text(value: Any) -> str:
    """Return `value` as the text of a parameter or tag, cut where MLflow would refuse it."""
    found = str(value)
    return found if len(found) <= TEXT_LIMIT else found[: TEXT_LIMIT - 1] + "…"
