"""A run and its record are the same thing."""

from __future__ import annotations

import json

from nbprod.core.errors import StageFailed, StoreError, Where
from nbprod.core.model import Model
from nbprod.core.run import GateResult, Run, RunStatus, StageRun, StageStatus
from nbprod.store import from_record, to_record


def a_run(tmp_path, error):
    stage = StageRun("load", StageStatus.CACHED, "unchanged", 0.5, ("df",), {"n": 1.0}, "key", "m.json", "load.ipynb")
    model = Model("churn", str(tmp_path / "models" / "churn" / "aa00"))
    gate = GateResult("n > 0", held=True, stage="load", detail="n = 1")
    return Run(
        "aa00", "nb.ipynb", RunStatus.FAILED, (stage,), {"n": 1}, {"n": 1.0}, (gate,), model, error, "now", 1.5, ("hm",)
    )


def test_reading_is_the_inverse_of_writing(tmp_path):
    error = StageFailed("NB501", "ValueError: no", "look", Where("nb.ipynb", 3, "c3", 2))
    error.traceback = ("line one", "line two")
    run = a_run(tmp_path, error)
    record = json.loads(json.dumps(to_record(run)))
    again = from_record(record, tmp_path)
    assert to_record(again) == to_record(run)
    assert isinstance(again.error, StageFailed)
    assert again.error.traceback == error.traceback
    assert again.error.where == error.where


def test_the_model_has_the_version_the_publisher_reported(tmp_path):
    record = to_record(a_run(tmp_path, StoreError("NB601", "full")))
    told = tmp_path / "runs" / "aa00" / "registered.json"
    told.parent.mkdir(parents=True)
    told.write_text(json.dumps({"version": "4", "uri": "models:/churn/4"}))
    again = from_record(record, tmp_path)
    assert (again.model.version, again.model.uri) == ("4", "models:/churn/4")
    assert isinstance(again.error, StoreError)
