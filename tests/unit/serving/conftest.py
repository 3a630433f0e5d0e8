from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from asgi import Client
from model_fixtures import models as models

from nbprod.serving.app import App, Settings
from nbprod.serving.model import LoadedModel, load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def churn(models: dict[str, Path]) -> LoadedModel:
    return load(models["churn"])


@pytest.fixture
def client(churn: LoadedModel) -> Client:
    return Client(App(churn, Settings("churn", "4")))


@pytest.fixture
def linear(models: dict[str, Path]) -> Client:
    return Client(App(load(models["linear"]), Settings("linear")))


@pytest.fixture
def careful(models: dict[str, Path]) -> Client:
    return Client(App(load(models["careful"]), Settings("careful")))
