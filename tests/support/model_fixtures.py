"""Fixtures: the model directories of `model_directory`, written once a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from model_directory import CAREFUL, CHURN, LINEAR, write_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    sources = {"churn": CHURN, "linear": LINEAR, "careful": CAREFUL}
    return {name: write_model(root / name, source, name) for name, source in sources.items()}
