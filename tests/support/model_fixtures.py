"""Fixtures: the model directories of `model_directory`, written once a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from model_directory import CAREFUL, CHURN, LINEAR, write_model

if TYPE_CHECKING:
    from pathlib import Path


SOURCES = {"churn": CHURN, "linear": LINEAR, "careful": CAREFUL}
MADE: dict[str, Path] = {}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    # several conftest files take this fixture, and each has its own copy
    if not MADE:
        root = tmp_path_factory.mktemp("models")
        MADE.update({name: write_model(root / name, source, name) for name, source in SOURCES.items()})
    return MADE
