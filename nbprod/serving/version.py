"""The versions a model's endpoint can name."""

from __future__ import annotations

from pathlib import Path


def mlflow_version(model: str | Path) -> str:
    """Return the MLflow version in the model's `MLmodel` file, `0` when there is none."""
    file = Path(model) / "MLmodel"
    if not file.is_file():
        return "0"
    for line in file.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key == "mlflow_version":
            return value.strip().strip("'\"")
    return "0"
