"""The model of a run, by MLflow's own `log_model` path, registered, alias `candidate`.

A flavor of ours copies the directory that the notebook's interpreter wrote, so nothing is unpickled here and the
user's packages are not needed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.tracking.mlflow_client import key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow.models import Model

    from nbprod.tracking.mlflow_runs import Publication

ALIAS = "candidate"


class DirectoryFlavor:
    """What `Model.log` calls a flavor: saves a model by copying its directory."""

    __name__ = "nbprod"

    def save_model(self, path: str, mlflow_model: Model, source: str, made_by: str, **_: Any) -> None:
        """Copy `source` to `path`, and complete its MLmodel with the run `made_by` and the ids MLflow chose."""
        from mlflow.models import Model
        from mlflow.version import VERSION

        shutil.copytree(source, path)
        folder = Path(path)
        written = Model.load(str(folder / "MLmodel"))
        mlflow_model.run_id = made_by
        mlflow_model.flavors = written.flavors
        mlflow_model.signature = written.signature
        mlflow_model.saved_input_example_info = written.saved_input_example_info or {}
        mlflow_model.model_size_bytes = sum(item.stat().st_size for item in folder.rglob("*") if item.is_file())
        mlflow_model.save(str(folder / "MLmodel"))
        pins = folder / "requirements.txt"
        pins.write_text(f"mlflow=={VERSION}\n{pins.read_text(encoding='utf-8')}", encoding="utf-8")


def publish(publication: Publication, parent: str) -> dict[str, Any]:
    """Log, link and register the model of a run; returns name, version and URI, None each without a model."""
    from mlflow.entities import LoggedModelOutput

    model = publication.record.final.get("model")
    folder = _folder(model, publication.context)
    if model is None or folder is None:
        return {"model": None, "version": None, "uri": None}
    manifest = json.loads((folder / "nbprod.json").read_text(encoding="utf-8"))
    if manifest["run"] != publication.record.run:
        earlier = _earlier(publication, manifest["run"])
        if earlier is not None:
            if not _linked(publication, parent, earlier["model_id"]):
                publication.client.log_outputs(parent, [LoggedModelOutput(earlier["model_id"], step=0)])
            return earlier
    model_id = _logged(publication, parent, folder, manifest)
    name = key(model["name"])
    version = _version(publication, name, parent, model_id)
    return {"model": name, "version": version, "uri": f"models:/{name}/{version}", "model_id": model_id}


def _folder(model: Mapping[str, Any] | None, context: Mapping[str, Any]) -> Path | None:
    if model is None:
        return None
    path = Path(model["path"])
    places = (path, Path(context["root"]) / path, Path(context["home"]) / path)
    return next((place for place in places if place.is_absolute() and (place / "nbprod.json").is_file()), None)


def _earlier(publication: Publication, run: str) -> dict[str, Any] | None:
    """Return how the model is registered when it was made by an earlier run and reused by this one."""
    try:
        found = json.loads((publication.home / "runs" / run / "registered.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not found.get("version") or found["tracking_uri"] != publication.context["tracking_uri"]:
        return None
    return {name: found[name] for name in ("model", "version", "uri", "model_id")}


def _logged(publication: Publication, parent: str, folder: Path, manifest: Mapping[str, Any]) -> str:
    """Return the id of the logged model, its files uploaded; made once, also after a kill."""
    from mlflow.models import Model

    client, name = publication.client, key(manifest["name"])
    if "model" not in publication.state:
        found = client.search_logged_models([publication.experiment], f"source_run_id = '{parent}'")
        mine = [item for item in found if item.tags.get("nbprod.run") == publication.record.run]
        tags = {"nbprod.run": publication.record.run, "nbprod.notebook": manifest["notebook"]}
        params = {key(label): str(value)[:500] for label, value in publication.context["parameters"].items()}
        created = mine[0] if mine else client.create_logged_model(publication.experiment, name, parent, tags, params)
        publication.remember(model=created.model_id)
    model_id = str(publication.state["model"])
    if "model-done" not in publication.state:
        Model.log(
            artifact_path=None,
            flavor=DirectoryFlavor(),
            name=name,
            run_id=None if _linked(publication, parent, model_id) else parent,  # MLflow refuses the same link twice
            model_id=model_id,
            source=str(folder),
            made_by=parent,
            validate_serving_input=False,
        )
        publication.remember(**{"model-done": True})
    return model_id


def _linked(publication: Publication, parent: str, model_id: str) -> bool:
    outputs = publication.client.get_run(parent).outputs
    return any(item.model_id == model_id for item in (outputs.model_outputs if outputs else []))


def _version(publication: Publication, name: str, parent: str, model_id: str) -> str:
    """Return the registered version of the model, made once, with the alias unless a newer version has it."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

    client = publication.client
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    found = [item for item in client.search_model_versions(f"name = '{name}'") if item.run_id == parent]
    tags = {"nbprod.run": publication.record.run, "nbprod.gates": _gates(publication)}
    source = f"models:/{model_id}"
    made = found[0] if found else client.create_model_version(name, source, parent, tags, model_id=model_id)
    shown = json.dumps([{"name": name, "version": str(made.version)}])
    client.set_logged_model_tags(model_id, {MLFLOW_MODEL_VERSIONS: shown})
    holder = client.get_registered_model(name).aliases.get(ALIAS)
    if holder is None or int(holder) < int(made.version):
        client.set_registered_model_alias(name, ALIAS, str(made.version))
    return str(made.version)


def _gates(publication: Publication) -> str:
    gates = publication.record.final.get("gates") or []
    if not gates:
        return "none"
    return "held" if all(gate["held"] for gate in gates) else "not held"
