"""Plug-ins are found by entry point; the built-in ones are no exception."""

from __future__ import annotations

import pytest

from nbprod import plugins
from nbprod.core.errors import UsageError


def test_built_in_ones_are_registered():
    assert {"nbprod", "papermill", "ploomber"} <= set(plugins.names("engines"))
    assert {"local", "docker"} <= set(plugins.names("targets"))
    assert {"github", "dvc"} <= set(plugins.names("exporters"))
    assert "mlflow" in plugins.names("trackers")
    assert "psi" in plugins.names("monitors")


@pytest.mark.parametrize(
    ("group", "load"),
    [
        ("engines", plugins.engine),
        ("targets", plugins.target),
        ("exporters", plugins.exporter),
        ("trackers", plugins.tracker),
        ("monitors", plugins.monitor),
    ],
)
def test_every_plugin_loads_and_knows_its_name(group, load):
    for name in plugins.names(group):
        assert load(name).name == name


def test_unknown_one_lists_the_known():
    with pytest.raises(UsageError, match="known: docker, local"):
        plugins.target("moon")
