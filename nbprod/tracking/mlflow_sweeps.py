"""A sweep in MLflow: the run in which its trials are nested, what was searched, the best of it, the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.tracking.mlflow_runs import Publication

ENDED = ("succeeded", "failed", "pruned")


def publish(publication: Publication, told: Mapping[str, Any]) -> None:
    """Tell of a sweep, as `sweep --json` has it, that is over or whose process is gone."""
    run_id = publication.sweep(told["sweep"])
    trials = told["trials"]
    best = next((trial for trial in trials if trial["number"] == told["best"]), None)
    ended = [trial for trial in trials if trial["status"] in ENDED]
    whole = len(ended) == told["planned"]
    params = {name: told[name] for name in ("search", "metric", "maximize", "seed") if told[name] is not None}
    params |= {f"space.{name}": text for name, text in told["space"].items()} | told["fixed"]
    tags = {"nbprod.status": "succeeded" if whole else "interrupted"}
    metrics = {"trials": float(len(ended))}
    if best is not None:
        metrics[told["metric"]] = best["value"]
        tags |= {"nbprod.best_trial": str(best["number"]), "nbprod.best_run": str(best["run"])}
    publication.batch(run_id, params, metrics, tags)
    page = publication.home / "sweeps" / f"{told['sweep']}.html"
    if page.is_file():
        publication.client.log_artifact(run_id, str(page))
    publication.client.set_terminated(run_id, "FINISHED" if whole else "KILLED", publication.record.ended)
